import type { Exemplar } from './collected-metric.ts';

/** Of each bucket the last kept trace: requests whose trace is not kept never come here. */
export class Exemplars {
  readonly #byBucket = new Map<number, Exemplar>();

  add(bucket: number, exemplar: Exemplar): void {
    this.#byBucket.set(bucket, exemplar);
  }

  all(): Exemplar[] {
    return [...this.#byBucket.values()];
  }
}
