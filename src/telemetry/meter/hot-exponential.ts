import { type MetricName, metricNames } from '../names/names.ts';
import type { AggregatedExponential, AggregatedMetric, AggregatedPoint } from './aggregated-metrics.ts';
import { SeriesTable } from './series-table.ts';

/**
 * OpenTelemetry's exponential histogram in plain numbers: buckets whose bounds are powers of 2^(2^-scale), so that a percentile is right within a few
 * parts of a hundred whatever the values are, without bounds that somebody has to choose.
 */
export class HotExponential {
  readonly #name: MetricName;
  readonly #table: SeriesTable<ExponentialSeries>;

  constructor(name: MetricName) {
    this.#name = name;
    this.#table = new SeriesTable(metricNames[name].attributes, (labels) => new ExponentialSeries(labels));
  }

  /** The series of these label values, in the order of the table of names. */
  series(...values: string[]): ExponentialSeries {
    return this.#table.of(values);
  }

  collect(): AggregatedMetric {
    const { name, unit, says } = metricNames[this.#name];
    const atMs = Date.now();
    const points = this.#table.points(
      (series) => series.point(atMs),
      (value) => (value.count === 0 ? undefined : { ...value, count: 0, sum: 0, zeroCount: 0, offset: 0, counts: [] }),
    );
    return { name, unit, says, kind: 'exponential histogram', points };
  }
}

/** The finest that Prometheus keeps; 0.3 % from bound to bound. */
const scaleMax = 8;
/** Buckets at most. When a value lies beyond, two become one, over all: 4 decades of time are then 4.4 % from bound to bound, 8 are 9 %. */
const bucketsMax = 320;

export class ExponentialSeries {
  readonly #labels: Record<string, string>;
  readonly #startMs = Date.now();
  /** Bucket `index` is at `index` modulo its length: as long as no more indexes are in use, none meets another. */
  #counts = new Float64Array(bucketsMax);
  #scale = scaleMax;
  #indexesPerE = 2 ** scaleMax / Math.LN2;
  #lowest = 0;
  #highest = -1;
  #zeros = 0;
  #count = 0;
  /** An array of one, as in hot-series.ts. */
  readonly #sum = new Float64Array(1);

  constructor(labels: Record<string, string>) {
    this.#labels = labels;
  }

  /** For values that are not negative. */
  record(value: number): void {
    this.#count += 1;
    this.#sum[0]! += value;
    // The logarithm of a subnormal is not exact enough to be worth a bucket.
    if (value < 1e-300) {
      this.#zeros += 1;
      return;
    }
    let index = this.#indexOf(value);
    if (this.#highest < this.#lowest) {
      this.#lowest = index;
      this.#highest = index;
    } else if (index < this.#lowest || index > this.#highest) {
      while (Math.max(this.#highest, index) - Math.min(this.#lowest, index) >= bucketsMax) {
        this.#halve();
        index = this.#indexOf(value);
      }
      this.#lowest = Math.min(this.#lowest, index);
      this.#highest = Math.max(this.#highest, index);
    }
    this.#counts[place(index)]! += 1;
  }

  point(atMs = Date.now()): AggregatedPoint<AggregatedExponential> {
    const counts = [];
    for (let index = this.#lowest; index <= this.#highest; index += 1) counts.push(this.#counts[place(index)]!);
    return {
      labels: this.#labels,
      startMs: this.#startMs,
      atMs,
      value: {
        count: this.#count,
        sum: this.#sum[0]!,
        scale: this.#scale,
        zeroCount: this.#zeros,
        offset: counts.length === 0 ? 0 : this.#lowest,
        counts,
      },
    };
  }

  /** A bucket's upper bound belongs to it: bucket i holds what is above base^i and not above base^(i+1). */
  #indexOf(value: number): number {
    return Math.ceil(Math.log(value) * this.#indexesPerE) - 1;
  }

  #halve(): void {
    const counts = new Float64Array(bucketsMax);
    for (let index = this.#lowest; index <= this.#highest; index += 1)
      counts[place(index >> 1)]! += this.#counts[place(index)]!;
    this.#counts = counts;
    this.#lowest >>= 1;
    this.#highest >>= 1;
    this.#scale -= 1;
    this.#indexesPerE /= 2;
  }
}

function place(index: number): number {
  const rest = index % bucketsMax;
  return rest < 0 ? rest + bucketsMax : rest;
}
