import { termMetric } from '../../launcher/book-names.ts';
import type { Signal } from '../../src/stores/stores.ts';
import { type Findings, noFindings, slackOf, timeOf } from './audit.ts';
import type { CollectedMetrics } from './collected-metrics.ts';
import { sumOf } from './counted.ts';
import { holeCauses } from './hole-causes.ts';
import { counted } from './senders.ts';
import type { AuditedTime } from './telemetry-book.ts';

/** A scrape has the time at which it began, and figures of when it was answered. */
const scrapeMsMax = 5_000;

/**
 * What the Collector acknowledged to all senders, against what it counted as taken. Both are read
 * at points of their own, so their bounds are compared.
 */
export function collectorBook(signal: Signal, metrics: CollectedMetrics, time: AuditedTime): Findings {
  const { collector, senders } = metrics;
  const { fromMs, toMs } = time;
  const of = { book: 'collector', signal, of: 'all senders', at: 'Collector' } as const;
  const exported = sumOf(
    senders.map((each) => counted(each, { signal, __name__: termMetric('exported') }, fromMs, toMs)),
  );
  const accepted = {
    min: collector.accepted(signal, fromMs, toMs).min,
    max: collector.accepted(signal, fromMs - scrapeMsMax, toMs + scrapeMsMax).max,
  };
  const missing = collector.isScraped ? Math.max(0, exported.min - accepted.max) : 0;
  const ends = new Set(
    collector.ends.filter(({ heardMs }) => heardMs > fromMs && heardMs <= toMs).map(({ heardMs }) => heardMs),
  );
  const unknown = collector.isScraped ? null : 'the store of metrics has no figures of the Collector';
  const says = `${range(exported)} acknowledged, ${range(accepted)} taken${ends.size > 0 ? `; it ended ${ends.size} times, and what it counted last is unread` : ''}`;
  return {
    ...noFindings,
    books: [
      {
        ...of,
        expected: exported.min,
        found: collector.isScraped ? accepted.min : null,
        slack: Math.max(slackOf(exported), slackOf(accepted)),
        ...{ missing, unknown, says: unknown ?? says },
      },
    ],
    holes:
      missing > 0
        ? [
            {
              ...of,
              ...{ from: timeOf(fromMs), to: timeOf(toMs), count: missing },
              ...{ cause: 'never_taken', says: holeCauses.never_taken },
            },
          ]
        : [],
  };
}

function range({ min, max }: { min: number; max: number }): string {
  if (min === max) return String(min);
  return Number.isFinite(max) ? `${min} to ${max}` : `at least ${min}`;
}
