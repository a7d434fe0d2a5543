import { termMetric } from '../../launcher/book-names.ts';
import type { Signal, StoreName } from '../../src/stores/stores.ts';
import { dropReasons } from '../../src/telemetry/export/ledger.ts';
import type { Evidence } from './charge-gaps.ts';
import type { CollectedMetrics } from './collected-metrics.ts';
import { type Ended, sumOf } from './counted.ts';
import { counted, newest, type Sender, standing } from './senders.ts';

export type Suspects = {
  readonly metrics: CollectedMetrics;
  readonly signal: Signal;
  readonly store: StoreName;
  /** Since the first gap. */
  readonly sinceMs: number;
  readonly nowMs: number;
  /** Whether the store has anything older than the first gap. */
  readonly hasOlder: () => Promise<boolean>;
};

/** Everything that can account for items of a sender that are not stored, the surest first. */
export async function gatherEvidence(sender: Sender, suspects: Suspects): Promise<Evidence[]> {
  return [
    ...inTheProcess(sender, suspects),
    ...inTheCollector(suspects),
    ...(await inTheStore(suspects)),
    rest(suspects),
  ];
}

/** By its own ledger. */
function inTheProcess(sender: Sender, { signal, sinceMs, nowMs }: Suspects): Evidence[] {
  const since = (labels: Record<string, string>) => counted(sender, { signal, ...labels }, sinceMs, nowMs).min;
  const now = (term: 'memory' | 'spooled') => newest(sender, { signal, __name__: termMetric(term) });
  const waits = now('memory') + now('spooled');
  const missing = newest(sender, { signal, __name__: 'vitrine_telemetry_missing' });
  const isThere = standing(sender, nowMs) === 'runs';
  return [
    ...dropReasons.map((reason) => {
      const count = since({ __name__: termMetric('dropped'), reason });
      return { cause: reason, count, untilMs: nowMs, says: `${count} dropped in all` };
    }),
    always('refused', since({ __name__: termMetric('refused') }), nowMs, ''),
    isThere
      ? always('under_way', waits, nowMs, `${waits} wait in memory and spool of the process`)
      : always('left_on_disk', waits, nowMs, `${waits} waited there when the process was last heard`),
    always('unaccounted', Math.max(0, missing), nowMs, ''),
  ];
}

/** What it counts of all senders together. */
function inTheCollector({ metrics, signal, store, sinceMs, nowMs }: Suspects): Evidence[] {
  const { collector, senders } = metrics;
  if (!collector.isScraped) return [];
  const dropped = collector.dropped(signal, store, sinceMs, nowMs);
  const exportedUntil = (atMs: number) =>
    sumOf(senders.map((each) => counted(each, { signal, __name__: termMetric('exported') }, sinceMs, atMs)));
  const exported = exportedUntil(nowMs).min;
  const sent = collector.sent(signal, store, sinceMs, nowMs);
  const end = lastEnd(metrics, sinceMs);
  return [
    always('collector_dropped', dropped, nowMs, `${dropped} given up`),
    ...(collector.queueWasEmpty(signal, store, sinceMs)
      ? []
      : [
          always(
            'under_way',
            Number.POSITIVE_INFINITY,
            nowMs,
            'the Collector’s queue to the store has not been empty since',
          ),
        ]),
    ...(end === undefined
      ? [
          always(
            'collector_lost',
            Number.isFinite(sent.max) ? Math.max(0, exported - sent.max) : 0,
            nowMs,
            `${exported} taken, ${sent.max} passed on`,
          ),
        ]
      : [
          // What it had not passed on by its last words, of all that was taken until another was there.
          always(
            'collector_ended',
            Math.max(0, exportedUntil(end.backMs).min - collector.sent(signal, store, sinceMs, end.heardMs).min),
            end.backMs,
            `it was last heard at ${clock(end.heardMs)}`,
          ),
        ]),
  ];
}

async function inTheStore({ metrics, store, sinceMs, nowMs, hasOlder }: Suspects): Promise<Evidence[]> {
  const discarded = metrics.discarded(store, sinceMs, nowMs);
  const startedMs = metrics.startedMs(store);
  const isEmptied = startedMs !== undefined && startedMs > sinceMs && !(await hasOlder());
  return [
    always('store_discarded', discarded, nowMs, `${discarded} discarded`),
    ...(isEmptied
      ? [always('store_emptied', Number.POSITIVE_INFINITY, startedMs, `it began at ${clock(startedMs)}`)]
      : []),
  ];
}

/** Where nobody counted a loss: who has ended since, with what only it had. */
function rest({ metrics, store, sinceMs, nowMs }: Suspects): Evidence {
  const end = lastEnd(metrics, sinceMs);
  const storeMs = metrics.startedMs(store);
  const storeEnded = storeMs !== undefined && storeMs > sinceMs;
  const all = Number.POSITIVE_INFINITY;
  if (end === undefined)
    return always('store_lost', all, nowMs, storeEnded ? `it began again at ${clock(storeMs)}` : '');
  const says = `it was last heard at ${clock(end.heardMs)}`;
  return storeEnded
    ? always(
        'behind_service',
        all,
        nowMs,
        `the Collector was last heard at ${clock(end.heardMs)}, the store began at ${clock(storeMs)}`,
      )
    : always('collector_ended', all, nowMs, says);
}

function lastEnd({ collector }: CollectedMetrics, sinceMs: number): Ended | undefined {
  return collector.ends.findLast(({ backMs }) => backMs > sinceMs);
}

function always(cause: Evidence['cause'], count: number, untilMs: number, says: string): Evidence {
  return { cause, count, untilMs, says };
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
