import { ExponentialSeries } from '../../src/telemetry/meter/exponential-series.ts';

/** For so many minutes, or other intervals of the case, so many of each value in each. */
export type NativePhase = { minutes: number; aMinute: Readonly<Record<number, number>> };

/**
 * An exponential histogram of ours, as it would be exported each minute, in promtool's notation:
 * what the real code makes of the values.
 */
export function nativeSeries(phases: readonly NativePhase[]): string {
  const series = new ExponentialSeries();
  const samples = [written(series.snapshot(0))];
  for (const { minutes, aMinute } of phases) {
    for (let minute = 0; minute < minutes; minute += 1) {
      for (const [value, count] of Object.entries(aMinute))
        for (let recorded = 0; recorded < count; recorded += 1) series.record(Number(value));
      samples.push(written(series.snapshot(0)));
    }
  }
  return samples.join(' ');
}

/** OTLP counts its buckets from the one above 1, Prometheus from the one that ends at 1. */
function written({ scale, count, sum, offset, counts }: Written): string {
  const buckets = counts.length === 0 ? '' : ` offset:${offset + 1} buckets:[${counts.join(' ')}]`;
  return `{{schema:${scale} count:${count} sum:${sum}${buckets}}}`;
}

type Written = { scale: number; count: number; sum: number; offset: number; counts: readonly number[] };
