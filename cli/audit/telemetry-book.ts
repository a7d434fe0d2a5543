import { termMetric } from '../../launcher/book-names.ts';
import { type Signal, type StoreName, store as storeNamed } from '../../src/stores/stores.ts';
import { type Findings, type Hole, noFindings, slackOf, timeOf, type UnderWay } from './audit.ts';
import { type Charged, chargeGaps } from './charge-gaps.ts';
import type { CollectedMetrics } from './collected-metrics.ts';
import type { Bounds } from './counted.ts';
import { findGaps, type Gap } from './find-gaps.ts';
import { gatherEvidence } from './gather-evidence.ts';
import { holeCauses } from './hole-causes.ts';
import { counted, exportsAround, type Sender } from './senders.ts';

/** What a store has of one sender, after a moment and up to another. */
export type StoredCounts = {
  readonly signal: Extract<Signal, 'logs' | 'traces'>;
  readonly store: StoreName;
  readonly of: (sender: Sender, fromMs: number, toMs: number) => Promise<Bounds>;
  /** The same, by the slow way that is always right. */
  readonly recounted?: (sender: Sender, fromMs: number, toMs: number) => Promise<Bounds>;
  /** Of anybody. */
  readonly hasAny: (fromMs: number, toMs: number) => Promise<boolean>;
};

export type AuditedTime = { readonly fromMs: number; readonly toMs: number; readonly nowMs: number };

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** A time is looked at in at most so many parts, none shorter than a minute. */
const leavesMax = 480;

/** What a sender made of a signal, against what a store has. */
export async function telemetryBook(
  sender: Sender,
  stored: StoredCounts,
  metrics: CollectedMetrics,
  { fromMs, toMs, nowMs }: AuditedTime,
): Promise<Findings> {
  const { signal, store } = stored;
  const edgesMs = exportsAround(sender, fromMs, toMs);
  if (edgesMs.length < 2) return noFindings;
  const [first, last] = [edgesMs[0]!, edgesMs.at(-1)!];
  const made = (from: number, to: number) => counted(sender, { signal, __name__: termMetric('made') }, from, to);
  const storedOf = async (from: number, to: number) => {
    const quick = await stored.of(sender, from, to);
    return quick.max < made(from, to).min && stored.recounted ? stored.recounted(sender, from, to) : quick;
  };
  const found = await storedOf(first, last);
  const gaps = await findGaps({
    edgesMs,
    made,
    stored: (from, to) => (from === first && to === last ? Promise.resolve(found) : storedOf(from, to)),
    leafMs: Math.max(minuteMs, (toMs - fromMs) / leavesMax),
  });
  const charged = gaps.length === 0 ? [] : await charge(gaps, sender, stored, metrics, nowMs);
  const missing = sum(charged.filter(({ cause }) => cause !== 'under_way'));
  const all = made(first, last);
  return {
    books: [
      {
        ...{ book: 'telemetry', signal, of: sender.instance, at: storeNamed(store).title },
        ...{ expected: all.min, found: found.min, slack: slackOf(found), missing, unknown: null },
        says: saysOf(all, found),
      },
    ],
    holes: charged.flatMap((one) => holeOf(one, sender, stored)),
    underWay: charged.flatMap((one) => underWayOf(one, sender, stored)),
    notes: found.min > all.max ? [moreThanMade(sender, stored, found.min - all.max)] : [],
  };
}

async function charge(
  gaps: readonly Gap[],
  sender: Sender,
  { signal, store, hasAny }: StoredCounts,
  metrics: CollectedMetrics,
  nowMs: number,
): Promise<Charged[]> {
  const sinceMs = gaps[0]!.fromMs;
  const hasOlder = () => hasAny(sinceMs - dayMs, sinceMs);
  return chargeGaps(gaps, await gatherEvidence(sender, { metrics, signal, store, sinceMs, nowMs, hasOlder }));
}

function holeOf(charged: Charged, sender: Sender, { signal, store }: StoredCounts): Hole[] {
  const { cause, count, says } = charged;
  if (cause === 'under_way') return [];
  return [
    {
      ...{ book: 'telemetry', signal, of: sender.instance, at: storeNamed(store).title },
      ...{ from: timeOf(charged.fromMs), to: timeOf(charged.toMs), count, cause },
      says: says === '' ? holeCauses[cause] : `${holeCauses[cause]} (${says})`,
    },
  ];
}

function underWayOf({ cause, count, says }: Charged, { instance }: Sender, { signal }: StoredCounts): UnderWay[] {
  return cause === 'under_way' ? [{ signal, of: instance, count, says }] : [];
}

function saysOf(made: Bounds, found: Bounds): string {
  const edge = found.max > found.min ? `, ${found.max - found.min} at the edges` : '';
  const unread = Number.isFinite(made.max)
    ? ''
    : '; a process was killed, and what it counted after its last export is unread';
  return `${made.min} made, ${found.min} stored${edge}${unread}`;
}

function moreThanMade({ instance }: Sender, { signal, store }: StoredCounts, count: number): string {
  return `${storeNamed(store).title} has ${count} ${signal} of ${instance} more than it made: delivery is at least once, so a copy can hide a loss of the same hour.`;
}

function sum(charged: readonly Charged[]): number {
  return charged.reduce((total, { count }) => total + count, 0);
}
