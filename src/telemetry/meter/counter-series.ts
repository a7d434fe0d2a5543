import type { Series } from './instrument.ts';

/**
 * A sum, in an array of one: a field that becomes a fraction would change its object's shape and
 * deoptimize its readers (docs/performance.md).
 */
export class CounterSeries implements Series<number> {
  readonly #value = new Float64Array(1);

  get value(): number {
    return this.#value[0]!;
  }

  set value(value: number) {
    this.#value[0] = value;
  }

  get isEmpty(): boolean {
    return this.value === 0;
  }

  snapshot(): number {
    return this.value;
  }
}
