import type { Metric } from '../names/metric.ts';
import type { Point } from './collected-metric.ts';

/** Label values, in the order of the attributes in the metric's row. */
export type Labels<Attributes extends readonly string[]> = { readonly [At in keyof Attributes]: string };

/** What counts for one combination of label values. */
export type Series<Value> = { readonly isEmpty: boolean; snapshot(collection: number): Value };

/** Series of one metric at most; whatever comes beyond is added up in one series that says so. */
const seriesMax = 2_000;
/** The number of no collection. */
const outside = 0;
/** No label values of ours join to this. */
const overflowKey = '\0overflow';

/**
 * A metric's series by label values; each is exported from the moment it is first asked for, from
 * zero.
 */
export class Instrument<Attributes extends readonly string[], Value, Made extends Series<Value>> {
  readonly row: Metric;
  readonly #make: (labels: Labels<Attributes>) => Made;
  readonly #series = new Map<string, Begun<Value, Made>>();

  constructor(row: Metric, make: (labels: Labels<Attributes>) => Made) {
    this.row = row;
    this.#make = make;
  }

  series(...labels: Labels<Attributes>): Made {
    const key = labels.join('\0');
    const known = this.#series.get(key);
    if (known) return known.series;
    if (this.#series.size < seriesMax) return this.#begin(key, labels, labelsOf(this.row, labels));
    const overflow = this.#series.get(overflowKey);
    return overflow?.series ?? this.#begin(overflowKey, labels, { 'otel.metric.overflow': 'true' });
  }

  /**
   * All points, and before the first of a series its zero: without a zero, the first event is no
   * increase. The caller may pause between two; what begins meanwhile comes the next time. Each
   * collection has a number of its own.
   */
  *eachPoint(atMs: number, collection: number): Generator<Point<Value>> {
    for (const begun of this.#series.values()) {
      const { series, labels, startMs, zero } = begun;
      if (startMs > atMs) continue;
      const value = series.snapshot(collection);
      begun.zero = undefined;
      if (zero !== undefined && !series.isEmpty && startMs < atMs)
        yield { labels, startMs, atMs: startMs, value: zero };
      yield { labels, startMs, atMs, value };
    }
  }

  /** Outside of any collection: exemplars stay for the next one. */
  points(atMs = Date.now()): Point<Value>[] {
    return [...this.eachPoint(atMs, outside)];
  }

  #begin(key: string, values: Labels<Attributes>, labels: Record<string, string>): Made {
    const series = this.#make(values);
    this.#series.set(key, { series, labels, startMs: Date.now(), zero: series.snapshot(outside) });
    return series;
  }
}

type Begun<Value, Made> = {
  readonly series: Made;
  readonly labels: Record<string, string>;
  readonly startMs: number;
  /** The value it began with, until that is exported. */
  zero: Value | undefined;
};

/** An empty value is no label, as in Prometheus. */
export function labelsOf({ attributes }: Metric, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(attributes.flatMap((attribute, at) => (values[at] ? [[attribute, values[at]]] : [])));
}
