import type { Exemplar, ExponentialValue } from './collected-metric.ts';
import { Exemplars } from './exemplars.ts';
import type { Series } from './instrument.ts';

/** The finest that Prometheus stores; 0.3 % from bound to bound. */
const scaleMax = 8;
/**
 * Buckets at most. A value beyond joins all buckets in pairs: 4 decades are then 4.4 % from bound
 * to bound, 8 are 9 %.
 */
const bucketsMax = 320;

/**
 * OpenTelemetry's exponential histogram: bucket bounds are powers of 2^(2^-scale), so that a
 * percentile is exact to a few percent for any values, and nobody has to choose bounds.
 */
export class ExponentialSeries implements Series<ExponentialValue> {
  /**
   * Bucket `index` is at `index` modulo the length: no more indexes than that are in use, so none
   * collide.
   */
  #counts = new Float64Array(bucketsMax);
  #scale = scaleMax;
  #indexesPerE = 2 ** scaleMax / Math.LN2;
  #lowest = 0;
  #highest = -1;
  #zeros = 0;
  #count = 0;
  /** An array of one, as in counter-series.ts. */
  readonly #sum = new Float64Array(1);
  #exemplars: Exemplars | undefined;

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

  /** Of a value that was recorded; one exemplar for each power of two. */
  exemplify(exemplar: Exemplar): void {
    this.#exemplars ??= new Exemplars();
    this.#exemplars.add(Math.ceil(Math.log2(Math.max(exemplar.value, 1e-300))), exemplar);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  snapshot(collection: number): ExponentialValue {
    const counts = [];
    for (let index = this.#lowest; index <= this.#highest; index += 1) counts.push(this.#counts[place(index)]!);
    return {
      count: this.#count,
      sum: this.#sum[0]!,
      scale: this.#scale,
      zeroCount: this.#zeros,
      offset: counts.length === 0 ? 0 : this.#lowest,
      counts,
      exemplars: this.#exemplars?.of(collection),
    };
  }

  /**
   * A bucket's upper bound belongs to it: bucket i holds what is above base^i and not above
   * base^(i+1).
   */
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
