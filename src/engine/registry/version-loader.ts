import { join } from 'node:path';
import { ServiceError } from '../../errors.ts';
import { retry } from '../../resilience/retry.ts';
import { ours, say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { inSpan } from '../../telemetry/spans.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { GpuMeter } from '../inference.ts';
import type { AbandonedLanes } from '../lanes/abandoned-lanes.ts';
import type { LoadedModel } from '../model.ts';
import { openModel } from '../open-model.ts';
import type { ManifestFile } from './manifest-schema.ts';
import { type ModelFolder, readManifest, versionsServed } from './model-folder.ts';
import type { RegistryConfig } from './registry-config.ts';
import { RowProofs } from './row-proofs.ts';
import type { Shelf, Slot } from './shelf.ts';
import { unloadSlot } from './unload-slot.ts';

/**
 * Loads the versions of a model that its policy names, behind the model's breaker, with retries.
 */
export class VersionLoader {
  readonly #config: RegistryConfig;
  readonly #observer: EngineObserver;
  readonly #gpu: GpuMeter | undefined;
  readonly #abandoned: AbandonedLanes;
  readonly #rowProofs: RowProofs;
  readonly #stopping: AbortSignal;

  constructor(
    config: RegistryConfig,
    observer: EngineObserver,
    gpu: GpuMeter | undefined,
    abandoned: AbandonedLanes,
    stopping: AbortSignal,
  ) {
    this.#config = config;
    this.#observer = observer;
    this.#gpu = gpu;
    this.#abandoned = abandoned;
    this.#rowProofs = new RowProofs(config.data);
    this.#stopping = stopping;
  }

  async load(shelf: Shelf, folder: ModelFolder, given: ManifestFile | undefined): Promise<void> {
    const signal = this.#stopping;
    if (signal.aborted) return;
    const openForMs = shelf.breaker.admit();
    if (openForMs > 0) throw breakerOpen(shelf.name, openForMs);
    try {
      await retry(() => this.#loadVersions(shelf, folder, given), {
        attemptsMax: this.#config.retryAttemptsMax,
        waitMsFirst: this.#config.retryWaitMsFirst,
        // A file that cannot be used is no better a second later.
        worthIt: (error) => !(error instanceof ServiceError) || error.retryable,
        signal,
      });
      shelf.breaker.succeeded();
    } catch (error) {
      shelf.breaker.failed();
      throw error;
    }
  }

  async #loadVersions(shelf: Shelf, folder: ModelFolder, given: ManifestFile | undefined): Promise<void> {
    let manifest: ManifestFile;
    try {
      manifest = given ?? (await readManifest(this.#config.models, shelf.name));
    } catch (error) {
      for (const slot of shelf.slots) markFailed(slot, error);
      throw error;
    }
    const wanted = versionsServed(manifest.versions, folder.versions);
    if (wanted.length === 0) {
      throw new ServiceError(
        'invalid_model',
        say`Cannot load model ${ours(shelf.name)}: its version policy names none of its versions (${ours(folder.versions.join(', '))}); change versions in model.json.`,
      );
    }
    const outcomes = await Promise.allSettled(wanted.map((version) => this.#loadVersion(shelf, version, manifest)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    // The old ones stay while a new one cannot be had: a broken version must not leave the model
    // with none.
    if (failed) throw failed.reason;
    const obsolete = shelf.slots.filter(({ version, model }) => model && !wanted.includes(version));
    await Promise.all(obsolete.map((slot) => unloadSlot(shelf, slot, 'not served under the version policy')));
  }

  async #loadVersion(shelf: Shelf, version: string, given: ManifestFile): Promise<void> {
    const slot = shelf.slot(version);
    const before = slot.model;
    if (!before) slot.state = 'loading';
    slot.reason = before ? 'being reloaded' : 'being loaded';
    try {
      const model = await this.#openInSpan(shelf.name, version, given);
      shelf.put(slot, model);
      logReady(model);
      await before?.replaceBy(model);
    } catch (error) {
      markFailed(slot, error);
      throw error;
    }
  }

  async #openInSpan(name: string, version: string, given: ManifestFile): Promise<LoadedModel> {
    const { models, breakerFailuresMax, breakerOpenMs, modelLoadMsMax, laneMemoryBytesMax, shortcutUsMax } =
      this.#config;
    const startedAt = performance.now();
    const report = (result: string) =>
      this.#observer.modelLoaded({ model: name, version, startedAt, endedAt: performance.now(), result });
    const attributes = { [attribute.modelName]: name, [attribute.modelVersion]: version };
    return inSpan('modelLoad', { attributes }, async (span) => {
      try {
        const model = await openModel({
          name,
          version,
          file: join(models, name, version, 'model.onnx'),
          given,
          abandoned: this.#abandoned,
          breaker: { failuresMax: breakerFailuresMax, openMs: breakerOpenMs },
          loadMsMax: modelLoadMsMax,
          laneMemoryBytesMax,
          shortcutMsMax: shortcutUsMax / 1000,
          observer: this.#observer,
          gpu: this.#gpu,
          sizeLimits: this.#config,
          rowProofs: this.#rowProofs,
          rowProofMsMax: this.#config.rowProofMsMax,
        });
        span.setAttributes({
          [attribute.provider]: model.report.provider,
          [attribute.lanes]: model.threads.lanes,
          [attribute.shortcut]: model.hasShortcut,
          [attribute.intraOpThreads]: model.threads.intraOpThreads,
          [attribute.loadResult]: 'ok',
        });
        report('ok');
        return model;
      } catch (error) {
        const result = error instanceof ServiceError ? error.code : 'internal';
        span.setAttributes({ [attribute.loadResult]: result });
        report(result);
        throw error;
      }
    });
  }
}

/** What is loaded goes on serving when its successor cannot be had. */
function markFailed(slot: Slot, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  slot.state = slot.model ? 'ready' : 'unavailable';
  slot.reason = slot.model ? `the version on disk could not be loaded: ${reason}` : reason;
}

function logReady({ name, version, hasShortcut, report: { provider, loadMs } }: LoadedModel): void {
  const where = hasShortcut ? `${provider}, small batches on the event loop` : provider;
  log('app', 'info', `Model ${name} version ${version} is ready on ${where}`, {
    event_type: 'model_load',
    model: name,
    version,
    provider,
    status: 'success',
    duration_ms: Math.round(loadMs),
  });
}

function breakerOpen(name: string, openForMs: number): ServiceError {
  return new ServiceError(
    'circuit_open',
    say`Cannot load model ${ours(name)}: it failed too often in a row; it may be tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
    { retryAfterMs: Math.ceil(openForMs) },
  );
}
