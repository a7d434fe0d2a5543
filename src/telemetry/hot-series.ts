import type { AggregatedHistogram, AggregatedMetric, AggregatedPoint } from './aggregated-metrics.ts';
import { type MetricName, metricNames } from './names.ts';

// What is counted on every request is counted here, in plain numbers: one addition costs 0.01 µs where an SDK instrument costs 0.6. The series go out
// with the SDK's own, exact and cumulative.

/** Series of one metric at most; what comes beyond is added up in one that says so. */
const seriesMax = 2_000;
/** No label values of ours join to this. */
const overflowKey = '\0overflow';

/** The series of one metric by their label values; each is exported from the moment it is first asked for, from zero. */
export class SeriesTable<Series> {
  readonly #attributes: readonly string[];
  readonly #make: (labels: Record<string, string>) => Series;
  readonly #series = new Map<string, Series>();
  #untold: Series[] = [];

  constructor(attributes: readonly string[], make: (labels: Record<string, string>) => Series) {
    this.#attributes = attributes;
    this.#make = make;
  }

  of(values: readonly string[]): Series {
    const key = values.join('\0');
    const known = this.#series.get(key);
    if (known) return known;
    if (this.#series.size < seriesMax) return this.#begin(key, this.#labels(values));
    return this.#series.get(overflowKey) ?? this.#begin(overflowKey, { 'otel.metric.overflow': 'true' });
  }

  /**
   * All points, and before the first of a series its zero, at the moment it was begun: against nothing no increase is seen, and what happens for the first
   * time, as a new failure does, would not be one.
   */
  points<Value>(
    pointOf: (series: Series) => AggregatedPoint<Value>,
    zeroOf: (value: Value) => Value | undefined,
  ): AggregatedPoint<Value>[] {
    const untold = new Set(this.#untold);
    this.#untold = [];
    return [...this.#series.values()].flatMap((series) => {
      const point = pointOf(series);
      const zero = untold.has(series) && point.startMs < point.atMs ? zeroOf(point.value) : undefined;
      return zero === undefined ? [point] : [{ ...point, atMs: point.startMs, value: zero }, point];
    });
  }

  #begin(key: string, labels: Record<string, string>): Series {
    const series = this.#make(labels);
    this.#series.set(key, series);
    this.#untold.push(series);
    return series;
  }

  #labels(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(this.#attributes.map((attribute, at) => [attribute, values[at] ?? '']));
  }
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

  constructor(name: MetricName) {
    const row = metricNames[name];
    if (!('buckets' in row)) throw new Error(`${name} has no buckets in the table of names`);
    this.#name = name;
    this.#table = new SeriesTable(row.attributes, (labels) => new HistogramSeries(row.buckets, labels));
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

  constructor(bounds: readonly number[], labels: Record<string, string>) {
    this.#bounds = bounds;
    this.#labels = labels;
    this.#numbers = new Float64Array(bounds.length + 2);
  }

  record(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    const numbers = this.#numbers;
    numbers[at]! += 1;
    numbers[bounds.length + 1]! += value;
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
