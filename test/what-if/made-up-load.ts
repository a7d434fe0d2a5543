import type { Manifest } from '../../src/engine/registry/manifest.ts';
import { manifestSchema } from '../../src/engine/registry/manifest-schema.ts';
import { emptyColumns, outcomeCode, type RecordedLoad, runForm } from '../../src/observe/what-if/recorded-load.ts';
import type { ReplayOn } from '../../src/observe/what-if/replay-load.ts';

export type MadeUp = {
  readonly at: number;
  readonly laneMs: number;
  /** Left out: as long as laneMs. */
  readonly sessionMs?: number;
  readonly rows?: number;
  readonly tenant?: string;
  /** The place of the call before it in the same task. */
  readonly previous?: number;
  readonly thinkMs?: number;
};

/** A load as the recorder would have it: each request in a run of its own. */
export function madeUpLoad(
  arrivals: readonly MadeUp[],
  { toMs, overheadMs = 0 }: { toMs?: number; overheadMs?: number } = {},
): RecordedLoad {
  const columns = emptyColumns(arrivals.length);
  const tenants = [...new Set(arrivals.map(({ tenant = 'shop' }) => tenant))];
  for (const [
    place,
    { at, laneMs, sessionMs = laneMs, rows = 1, tenant = 'shop', previous = -1, thinkMs = 0 },
  ] of arrivals.entries()) {
    columns.at[place] = at;
    columns.rows[place] = rows;
    columns.bytes[place] = 4 * rows;
    columns.laneMs[place] = laneMs;
    columns.sessionMs[place] = sessionMs;
    columns.batchRows[place] = rows;
    columns.tookMs[place] = laneMs;
    columns.deadlineMs[place] = Number.POSITIVE_INFINITY;
    columns.leftMs[place] = Number.POSITIVE_INFINITY;
    columns.previous[place] = previous;
    columns.thinkMs[place] = thinkMs;
    columns.tenant[place] = tenants.indexOf(tenant);
    columns.outcome[place] = outcomeCode.answered;
    columns.form[place] = runForm.foundIdle;
  }
  const busyMs = arrivals.reduce((sum, { laneMs }) => sum + laneMs, 0);
  return {
    from: 0,
    to: toMs ?? (arrivals.at(-1)?.at ?? 0) + 1,
    count: arrivals.length,
    columns,
    tenants,
    batches: {
      ...{ count: arrivals.length, requests: arrivals.length, rows: arrivals.length, busyMs },
      ...{ cpuMs: busyMs, onEventLoop: 0, overheadMs },
    },
    othersCpuMs: 0,
  };
}

export function replayOn({
  file = {},
  ...of
}: Partial<ReplayOn> & { file?: object } = {}): Omit<ReplayOn, 'replicas'> & { replicas: number } {
  const parsed = manifestSchema.parse({ batching: { rows_max: 0 }, ...file });
  const manifest = { ...parsed, name: 'made-up', version: '1', rowsBeyondMax: 'refused' } as unknown as Manifest;
  return { manifest, replicas: 1, cores: 64, inferMsMax: 600_000, shortcutMsMax: 0, ...of };
}
