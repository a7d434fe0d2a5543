import { type MetricName, metricNames } from '../names/names.ts';
import type { AggregatedHistogram, AggregatedMetric, AggregatedPoint } from './aggregated-metrics.ts';
import { type ExponentialSeries, HotExponential } from './hot-exponential.ts';
import { SeriesTable } from './series-table.ts';

// What is counted on every request is counted here, in plain numbers: one addition costs 0.01 µs where an SDK instrument costs 0.6. The series go out
// with the SDK's own, exact and cumulative.

/** Every metric of these, with the exponential twin of a histogram that has one. */
export function collectAll(metrics: readonly (HotCounter | HotHistogram)[]): AggregatedMetric[] {
  return metrics.flatMap((metric) =>
    metric instanceof HotHistogram && metric.exact !== undefined
      ? [metric.collect(), metric.exact.collect()]
      : [metric.collect()],
  );
}

export class HotCounter {
  readonly #name: MetricName;
  readonly #table: SeriesTable<CounterSeries>;

  constructor(name: MetricName) {
    this.#name = name;
    this.#table = new SeriesTable(metricNames[name].attributes, (labels) => new CounterSeries(labels));
  }

  /** The series of these label values, in the order of the table of names. */
  series(...values: string[]): { value: number } {
    return this.#table.of(values);
  }

  collect(): AggregatedMetric {
    const { name, unit, says } = metricNames[this.#name];
    const atMs = Date.now();
    const points = this.#table.points(
      ({ labels, startMs, value }) => ({ labels, startMs, atMs, value }),
      (value) => (value === 0 ? undefined : 0),
    );
    return { name, unit, says, kind: 'counter', points };
  }
}

// Sums stand in arrays of one. A field that begins as the whole number 0 gives its object another shape at the first fraction; who has remembered the
// series in a field of its own remembers the old shape, and V8 goes on compiling what reads it, in vain, several times a second.

class CounterSeries {
  readonly labels: Record<string, string>;
  readonly startMs = Date.now();
  readonly #value = new Float64Array(1);

  constructor(labels: Record<string, string>) {
    this.labels = labels;
  }

  get value(): number {
    return this.#value[0]!;
  }

  set value(value: number) {
    this.#value[0] = value;
  }
}

export class HotHistogram {
  readonly #name: MetricName;
  readonly #table: SeriesTable<HistogramSeries>;
  /** The same values in an exponential histogram, for percentiles, where the row of the table of names has one. */
  readonly exact: HotExponential | undefined;

  constructor(name: MetricName) {
    const row = metricNames[name];
    if (!('buckets' in row)) throw new Error(`${name} has no buckets in the table of names`);
    this.#name = name;
    const exact = 'exact' in row ? new HotExponential(row.exact) : undefined;
    this.exact = exact;
    this.#table = new SeriesTable(
      row.attributes,
      (labels) => new HistogramSeries(row.buckets, labels, exact?.series(...Object.values(labels))),
    );
  }

  /** The series of these label values, in the order of the table of names. */
  series(...values: string[]): HistogramSeries {
    return this.#table.of(values);
  }

  collect(): AggregatedMetric {
    const { name, unit, says } = metricNames[this.#name];
    const atMs = Date.now();
    const points = this.#table.points(
      (series) => series.point(atMs),
      ({ count, bounds, counts }) =>
        count === 0 ? undefined : { count: 0, sum: 0, bounds, counts: counts.map(() => 0) },
    );
    return { name, unit, says, kind: 'histogram', points };
  }
}

export class HistogramSeries {
  readonly #bounds: readonly number[];
  readonly #labels: Record<string, string>;
  readonly #startMs = Date.now();
  /** The buckets' counts, and after them the sum: a place of its own would be another that is not in the cache when it is asked for. */
  readonly #numbers: Float64Array;
  readonly #exact: ExponentialSeries | undefined;

  constructor(bounds: readonly number[], labels: Record<string, string>, exact?: ExponentialSeries) {
    this.#bounds = bounds;
    this.#labels = labels;
    this.#exact = exact;
    this.#numbers = new Float64Array(bounds.length + 2);
  }

  record(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    const numbers = this.#numbers;
    numbers[at]! += 1;
    numbers[bounds.length + 1]! += value;
    this.#exact?.record(value);
  }

  point(atMs = Date.now()): AggregatedPoint<AggregatedHistogram> {
    const counts = [...this.#numbers];
    const sum = counts.pop()!;
    const count = counts.reduce((total, each) => total + each, 0);
    return {
      labels: this.#labels,
      startMs: this.#startMs,
      atMs,
      value: { count, sum, bounds: this.#bounds, counts },
    };
  }
}
