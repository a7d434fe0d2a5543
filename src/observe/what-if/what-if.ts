import type { Manifest } from '../../engine/registry/manifest.ts';
import { changeLoad } from './change-load.ts';
import { percentileOf } from './percentile.ts';
import { outcomeCode, type RecordedLoad } from './recorded-load.ts';
import { type Replayed, type ReplayOn, replayLoad } from './replay-load.ts';
import type { WhatIfChanges } from './what-if-changes.ts';

/** How a load was served, or would be. Times are in milliseconds. */
export type Served = {
  readonly arrivals: number;
  readonly answered: number;
  readonly refused: number;
  readonly expired: number;
  readonly left: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly queueP50Ms: number;
  readonly queueP95Ms: number;
  /** Messages to lanes, and what shared them. */
  readonly batches: number;
  readonly requestsEach: number;
  /** Of the time of all lanes, from 0 to 1. */
  readonly utilisation: number;
};

export type WhatIf = {
  readonly was: Served;
  /** The replay with nothing changed: by how much it differs from what was, a replay may be wrong. */
  readonly unchanged: Served;
  readonly changed: Served;
  /** Batches would have so many rows, and none that large was recorded; 0: all sizes were. */
  readonly rowsBeyondRecords: number;
};

/** What a recorded load would have met with other settings of its model. */
export function whatIf(load: RecordedLoad, on: Omit<ReplayOn, 'replicas'>, changes: WhatIfChanges): WhatIf {
  const unchanged = { ...on, replicas: 1 };
  const changed = {
    ...on,
    manifest: changedManifest(on.manifest, changes),
    replicas: changes.replicas ?? 1,
  };
  const changedLoad = changeLoad(load, changes);
  const replayed = replayLoad(changedLoad, changed);
  return {
    was: servedAsRecorded(load, on.manifest),
    unchanged: served(load, replayLoad(load, unchanged), unchanged),
    changed: served(changedLoad, replayed, changed),
    rowsBeyondRecords: replayed.rowsBeyondRecords,
  };
}

export function changedManifest(manifest: Manifest, changes: WhatIfChanges): Manifest {
  const { lanes, rowsMax, delayUs, queueInputsMax, queueBytesMax } = changes;
  return {
    ...manifest,
    lanes: { ...manifest.lanes, count: lanes ?? manifest.lanes.count },
    batching: {
      ...manifest.batching,
      rows_max: rowsMax ?? manifest.batching.rows_max,
      delay_us_max: delayUs ?? manifest.batching.delay_us_max,
    },
    queue: {
      ...manifest.queue,
      inputs_max: queueInputsMax ?? manifest.queue.inputs_max,
      bytes_max: queueBytesMax ?? manifest.queue.bytes_max,
    },
  };
}

function servedAsRecorded(load: RecordedLoad, manifest: Manifest): Served {
  const { columns, batches } = load;
  return summary(load, {
    outcome: Uint8Array.from(columns.outcome),
    tookMs: columns.tookMs,
    queueMs: columns.queueMs,
    batches: batches.count,
    busyMs: batches.busyMs,
    lanes: manifest.lanes.count,
  });
}

function served(load: RecordedLoad, { effort, ...replayed }: Replayed, { manifest, replicas }: ReplayOn): Served {
  return summary(load, {
    ...replayed,
    batches: effort.messages,
    busyMs: effort.busyMs,
    lanes: manifest.lanes.count * replicas,
  });
}

type Counted = Pick<Replayed, 'outcome' | 'tookMs' | 'queueMs'> & {
  readonly batches: number;
  readonly busyMs: number;
  readonly lanes: number;
};

function summary(
  { count, from, to }: RecordedLoad,
  { outcome, tookMs, queueMs, batches, busyMs, lanes }: Counted,
): Served {
  const counts = new Uint32Array(Object.keys(outcomeCode).length);
  for (const code of outcome) counts[code]! += 1;
  const isAnswered = (_: number, place: number) => outcome[place] === outcomeCode.answered;
  const took = tookMs.filter(isAnswered).sort();
  const queues = queueMs.filter(isAnswered).sort();
  return {
    arrivals: count,
    answered: counts[outcomeCode.answered]!,
    refused: counts[outcomeCode.refused]!,
    expired: counts[outcomeCode.expired]!,
    left: counts[outcomeCode.left]!,
    failed: counts[outcomeCode.failed]!,
    p50Ms: percentileOf(took, 0.5),
    p95Ms: percentileOf(took, 0.95),
    p99Ms: percentileOf(took, 0.99),
    meanMs: took.length === 0 ? 0 : took.reduce((sum, ms) => sum + ms, 0) / took.length,
    maxMs: took.at(-1) ?? 0,
    queueP50Ms: percentileOf(queues, 0.5),
    queueP95Ms: percentileOf(queues, 0.95),
    batches,
    requestsEach: batches === 0 ? 0 : counts[outcomeCode.answered]! / batches,
    utilisation: Math.min(1, busyMs / Math.max(1, (to - from) * lanes)),
  };
}
