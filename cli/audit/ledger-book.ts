import { type StoreName, store as storeNamed } from '../../src/stores/stores.ts';
import type { StoreQuestions } from './ask-stores.ts';
import { type Findings, type Hole, noFindings, timeOf } from './audit.ts';
import type { CollectedMetrics } from './collected-metrics.ts';
import { intervalOf } from './counted.ts';
import { holeCauses } from './hole-causes.ts';
import type { AuditedTime } from './telemetry-book.ts';

/**
 * Processes whose lines are stored and whose ledger is not: the store of metrics lost it, so nobody
 * can say how much they made.
 */
export async function ledgerBook(
  questions: StoreQuestions,
  logs: StoreName,
  metrics: CollectedMetrics,
  { fromMs, toMs }: AuditedTime,
): Promise<Findings> {
  const counts = await questions.lineCounts(logs, '{service_name=~"vitrine.*"}', 'service_instance_id', fromMs, toMs);
  const holes: Hole[] = [];
  for (const [instance, lines] of counts) {
    if (instance === '') continue;
    const untilMs = Math.min(toMs, ledgerBeginsMs(metrics, instance));
    if (untilMs <= fromMs) continue;
    const before =
      untilMs === toMs
        ? lines
        : (
            await questions.lineCounts(
              logs,
              `{service_name=~"vitrine.*"} | service_instance_id="${instance}"`,
              'service_instance_id',
              fromMs,
              untilMs,
            )
          ).get(instance);
    if (before === undefined || before === 0) continue;
    holes.push({
      ...{ book: 'telemetry', signal: 'metrics', of: instance, at: storeNamed(logs).title },
      ...{ from: timeOf(fromMs), to: timeOf(untilMs), count: before, cause: 'ledger_lost' },
      says: `${holeCauses.ledger_lost}: ${before} lines of that time cannot be compared`,
    });
  }
  return { ...noFindings, holes };
}

/** A process exports soon after its first line, so a ledger may begin some intervals later. */
function ledgerBeginsMs({ senders }: CollectedMetrics, instance: string): number {
  const found = senders.find((sender) => sender.instance === instance);
  if (!found) return Number.POSITIVE_INFINITY;
  const intervalMs = intervalOf(found.heartbeats.map(([atMs]) => atMs)) || 10_000;
  return found.heartbeats[0]![0] - 6 * intervalMs;
}
