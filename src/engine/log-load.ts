import { log } from '../telemetry/logger.ts';
import type { SessionReport } from './lanes/lane-messages.ts';
import type { Manifest } from './registry/manifest.ts';

export function logNoShortcut({ name: model, version }: Manifest, { message }: Error): undefined {
  log(
    'app',
    'warn',
    `All batches of model ${model} go to its lanes: it cannot be opened on the event loop: ${message}`,
    {
      event_type: 'shortcut_refused',
      model,
      version,
    },
  );
}

/** A fall-back is never silent. */
export function logLoadWarnings(manifest: Manifest, declared: Manifest, report: SessionReport): void {
  const fields = { model: manifest.name, version: manifest.version };
  for (const { provider, reason } of report.refused) {
    log('app', 'warn', `Model ${manifest.name} does not run on ${provider} but on ${report.provider}: ${reason}`, {
      event_type: 'provider_refused',
      provider,
      ...fields,
    });
  }
  if (manifest.batching.rows_max === 0 && declared.rowsBeyondMax === 'refused' && declared.batching.rows_max > 0) {
    log(
      'app',
      'warn',
      `Model ${manifest.name} names its first dimension as a batch, but its requests run alone: ${manifest.batchingBecause.reason}. Set batching.rows_max in model.json if that is wrong.`,
      { event_type: 'batching_refused', ...fields },
    );
  }
  if (declared.padding !== undefined && manifest.padding === undefined) {
    log(
      'app',
      'warn',
      `Rows of different lengths do not share batches of model ${manifest.name}, as batching.padding asks: ${manifest.paddingBecause}`,
      { event_type: 'padding_refused', ...fields },
    );
  }
  if (report.warmUpFailure !== undefined) {
    log(
      'app',
      'warn',
      `The warm-up of model ${manifest.name} failed: ${report.warmUpFailure}. Give the sizes of its free dimensions as probe_dimensions in model.json.`,
      { event_type: 'warm_up_failed', ...fields },
    );
  }
}
