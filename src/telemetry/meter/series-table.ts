import type { AggregatedPoint } from './aggregated-metrics.ts';

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

  /** An empty value is no label, as Prometheus has it. */
  #labels(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      this.#attributes.flatMap((attribute, at) => (values[at] ? [[attribute, values[at]]] : [])),
    );
  }
}
