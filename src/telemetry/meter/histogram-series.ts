import type { Exemplar, HistogramValue } from './collected-metric.ts';
import { Exemplars } from './exemplars.ts';
import type { ExponentialSeries } from './exponential-series.ts';
import type { Series } from './instrument.ts';

export class HistogramSeries implements Series<HistogramValue> {
  readonly #bounds: readonly number[];
  /**
   * The buckets' counts and, behind them, the sum: a field of its own would be one more cache line.
   */
  readonly #numbers: Float64Array;
  readonly #exact: ExponentialSeries | undefined;
  #exemplars: Exemplars | undefined;

  /** `exact` gets the same values, for percentiles. */
  constructor(bounds: readonly number[], exact: ExponentialSeries | undefined) {
    this.#bounds = bounds;
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

  /** Of a value that was recorded, and whose trace is kept. */
  exemplify(exemplar: Exemplar): void {
    this.#exemplars ??= new Exemplars();
    this.#exemplars.add(bucketOf(this.#bounds, exemplar.value), exemplar);
    this.#exact?.exemplify(exemplar);
  }

  get bounds(): readonly number[] {
    return this.#bounds;
  }

  get isEmpty(): boolean {
    return this.#numbers.subarray(0, -1).every((count) => count === 0);
  }

  snapshot(collection: number): HistogramValue {
    const counts = [...this.#numbers];
    const sum = counts.pop()!;
    return {
      count: counts.reduce((total, each) => total + each, 0),
      sum,
      bounds: this.#bounds,
      counts,
      exemplars: this.#exemplars?.of(collection),
    };
  }
}

export function bucketOf(bounds: readonly number[], value: number): number {
  const at = bounds.findIndex((bound) => value <= bound);
  return at < 0 ? bounds.length : at;
}
