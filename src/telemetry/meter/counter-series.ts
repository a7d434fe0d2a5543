import type { Series } from './instrument.ts';

/**
 * A sum. It stands in an array of one: a field that begins as 0 changes the shape of its object at the first fraction,
 * and V8 compiles what reads the old shape again and again.
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
