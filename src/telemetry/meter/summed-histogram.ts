import type { Exemplar, HistogramValue } from './collected-metric.ts';
import { bucketOf, type HistogramSeries } from './histogram-series.ts';
import type { Series } from './instrument.ts';

/**
 * What several finer series count, added up when it is collected: recording into them costs nothing
 * more for it. Each of its bounds is a bound of theirs.
 */
export class SummedHistogram implements Series<HistogramValue> {
  readonly #bounds: readonly number[];
  readonly #parts = new Set<HistogramSeries>();

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  add(part: HistogramSeries): void {
    const missing = this.#bounds.find((bound) => !part.bounds.includes(bound));
    if (missing !== undefined) throw new Error(`Cannot add up histograms: a part has no bound at ${missing}`);
    this.#parts.add(part);
  }

  get isEmpty(): boolean {
    return [...this.#parts].every((part) => part.isEmpty);
  }

  snapshot(collection: number): HistogramValue {
    const counts = Array<number>(this.#bounds.length + 1).fill(0);
    const exemplars = new Map<number, Exemplar>();
    let sum = 0;
    for (const part of this.#parts) {
      const value = part.snapshot(collection);
      sum += value.sum;
      for (const [at, count] of value.counts.entries()) counts[this.#bucketOfPart(value.bounds[at])]! += count;
      for (const exemplar of value.exemplars ?? []) {
        const bucket = bucketOf(this.#bounds, exemplar.value);
        if ((exemplars.get(bucket)?.atMs ?? 0) <= exemplar.atMs) exemplars.set(bucket, exemplar);
      }
    }
    const count = counts.reduce((total, each) => total + each, 0);
    return { count, sum, bounds: this.#bounds, counts, exemplars: [...exemplars.values()] };
  }

  #bucketOfPart(bound: number | undefined): number {
    return bound === undefined ? this.#bounds.length : bucketOf(this.#bounds, bound);
  }
}
