import { termMetric } from '../../launcher/book-names.ts';
import { type StoreName, store as storeNamed } from '../../src/stores/stores.ts';
import { type Findings, timeOf } from './audit.ts';
import { chargeGaps } from './charge-gaps.ts';
import type { CollectedMetrics } from './collected-metrics.ts';
import { intervalOf } from './counted.ts';
import type { Gap } from './find-gaps.ts';
import { gatherEvidence } from './gather-evidence.ts';
import { holeCauses } from './hole-causes.ts';
import { counted, exportsAround, type Sender } from './senders.ts';
import type { AuditedTime } from './telemetry-book.ts';

/**
 * The metrics of a sender, export by export: each carries a heartbeat, and the count of points that
 * all exports so far had.
 */
export async function exportsBook(
  sender: Sender,
  store: StoreName,
  metrics: CollectedMetrics,
  { fromMs, toMs, nowMs }: AuditedTime,
): Promise<Findings> {
  const edgesMs = exportsAround(sender, fromMs, toMs);
  if (edgesMs.length < 2) return { books: [], holes: [], underWay: [], notes: [] };
  const made = counted(sender, { signal: 'metrics', __name__: termMetric('made') }, edgesMs[0]!, edgesMs.at(-1)!);
  const gaps = missingExports(sender, edgesMs);
  const sinceMs = gaps[0]?.fromMs ?? 0;
  const hasOlder = async () => metrics.senders.some(({ heartbeats }) => heartbeats[0]![0] < sinceMs);
  const suspects = { metrics, signal: 'metrics', store, sinceMs, nowMs, hasOlder } as const;
  const charged = gaps.length === 0 ? [] : chargeGaps(gaps, await gatherEvidence(sender, suspects));
  const missing = gaps.reduce((sum, { count }) => sum + count, 0);
  return {
    books: [
      {
        ...{ book: 'telemetry', signal: 'metrics', of: sender.instance, at: storeNamed(store).title },
        ...{ expected: made.min, found: made.min - missing, slack: 0, missing, unknown: null },
        says: `${edgesMs.length} exports${gaps.length === 0 ? ', none missing' : ''}`,
      },
    ],
    holes: charged.flatMap(({ cause, count, says, ...gap }) =>
      cause === 'under_way'
        ? []
        : [
            {
              ...{ book: 'telemetry', signal: 'metrics', of: sender.instance, at: storeNamed(store).title },
              ...{ from: timeOf(gap.fromMs), to: timeOf(gap.toMs), count, cause },
              says: says === '' ? holeCauses[cause] : `${holeCauses[cause]} (${says})`,
            } as const,
          ],
    ),
    underWay: charged.flatMap(({ cause, count, says }) =>
      cause === 'under_way' ? [{ signal: 'metrics', of: sender.instance, count, says } as const] : [],
    ),
    notes: [],
  };
}

/**
 * Exports that were made and are not there: between two others the count of points rose by more
 * than one export has. A process that stood still, or was not there, made none.
 */
export function missingExports(sender: Sender, edgesMs: readonly number[]): Gap[] {
  const intervalMs = intervalOf(edgesMs);
  const pairs = edgesMs.slice(1).map((toMs, index) => {
    const fromMs = edgesMs[index]!;
    return {
      fromMs,
      toMs,
      points: counted(sender, { signal: 'metrics', __name__: termMetric('made') }, fromMs, toMs).min,
    };
  });
  const median = pairs.map(({ points }) => points).sort((a, b) => a - b)[Math.floor(pairs.length / 2)] ?? 0;
  return pairs.flatMap(({ fromMs, toMs, points }, index) => {
    // An export grows with what there is to say: those beside it are the measure, too.
    const usual = Math.max(median, pairs[index - 1]?.points ?? 0, pairs[index + 1]?.points ?? 0);
    const isMissing = toMs - fromMs > 1.5 * intervalMs && points > 1.5 * usual;
    return isMissing ? [{ fromMs, toMs, count: points - usual }] : [];
  });
}
