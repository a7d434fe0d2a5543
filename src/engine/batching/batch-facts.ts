import type { BatchFacts, GpuMeter } from '../inference.ts';
import type { RunEnd } from '../lanes/lane-messages.ts';
import { shortcutName } from '../lanes/shortcut.ts';
import type { Manifest } from '../registry/manifest.ts';
import { bytesOfAll } from '../tensor.ts';
import type { RunningBatch } from './running-batch.ts';
import type { Waiting } from './waiting-inputs.ts';

/** How a run ended; `lost` with its lane, or `given_up` because nobody waits for it. */
export type BatchEnd = RunEnd | { readonly kind: 'lost' } | { readonly kind: 'given_up' };

/**
 * What is known of a run when it has ended. `place`: which one, in a batch whose requests run
 * apart.
 */
export function batchFacts(
  { name: model, version, batching }: Manifest,
  { id, batch, padded, lane, tookShortcut, startedAt }: RunningBatch,
  place: number,
  members: readonly Waiting[],
  end: BatchEnd,
  endedAt: number,
  gpu: GpuMeter | undefined,
): BatchFacts {
  const { provider } = lane.report;
  return {
    id: id + place,
    model,
    version,
    inputs: members.length,
    rows: batch.runsApart ? members[0]!.rows : batch.rows,
    rowsMax: batching.rows_max,
    paddingBytes: padded?.bytes ?? 0,
    paddingShare: padded?.share ?? 0,
    closedBy: batch.closedBy,
    lane: tookShortcut ? shortcutName : lane.name,
    tookShortcut,
    provider,
    sessionMs: end.kind === 'ran' ? end.sessionMs : 0,
    cpuMs: end.kind === 'ran' || end.kind === 'failed' ? end.cpuMs : 0,
    gpu: gpu?.ended(provider, startedAt, endedAt),
    outputBytes: end.kind === 'ran' ? bytesOfAll(end.outputs) : 0,
    startedAt,
    endedAt,
    outcome: end.kind === 'lost' ? 'lane_lost' : end.kind,
  };
}
