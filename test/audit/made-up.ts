import type { Points } from '../../cli/audit/counted.ts';
import { type Sender, type Series, sendersIn } from '../../cli/audit/senders.ts';
import { heartbeatMetric, termMetric } from '../../launcher/book-names.ts';

/** One export: when, and the ledger of one signal at that moment. */
export type MadeUpExport = { readonly atMs: number; readonly made: number; readonly orderly?: true } & Partial<
  Record<'exported' | 'dropped' | 'refused' | 'memory' | 'spooled', number>
>;

/** The points of a sender that exports its ledger; `reason` is why it dropped. */
export function madeUpSeries(
  instance: string,
  signal: string,
  exports: readonly MadeUpExport[],
  reason = 'spool_full',
): Series[] {
  const of = (name: string, labels: Record<string, string>, value: (one: MadeUpExport) => number): Series => ({
    labels: { __name__: name, job: 'vitrine', instance, ...labels },
    points: exports.map((one) => [one.atMs, value(one)] as const),
  });
  return [
    of(heartbeatMetric, {}, ({ atMs, orderly }) => (orderly ? 0 : atMs / 1000)),
    of(termMetric('made'), { signal }, ({ made }) => made),
    of(termMetric('exported'), { signal }, ({ made, exported }) => exported ?? made),
    of(termMetric('dropped'), { signal, reason }, ({ dropped }) => dropped ?? 0),
    of(termMetric('refused'), { signal }, ({ refused }) => refused ?? 0),
    of(termMetric('memory'), { signal }, ({ memory }) => memory ?? 0),
    of(termMetric('spooled'), { signal }, ({ spooled }) => spooled ?? 0),
  ];
}

export function madeUpSender(...given: Parameters<typeof madeUpSeries>): Sender {
  return sendersIn(madeUpSeries(...given), heartbeatMetric)[0]!;
}

/** A counter that is read every `everyMs`, and what it had at each. */
export function counter(
  labels: Record<string, string>,
  everyMs: number,
  values: readonly number[],
  firstMs = 0,
): Series {
  return { labels, points: values.map((value, index) => [firstMs + index * everyMs, value] as const) satisfies Points };
}
