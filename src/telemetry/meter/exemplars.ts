import type { Exemplar } from './collected-metric.ts';

/**
 * Kept traces, the last of each bucket, for one collection each: an export has those since the one
 * before. Requests whose trace is not kept never come here.
 */
export class Exemplars {
  readonly #fresh = new Map<number, Exemplar>();
  #collected: readonly Exemplar[] = [];
  #collection = 0;

  add(bucket: number, exemplar: Exemplar): void {
    this.#fresh.set(bucket, exemplar);
  }

  /** A sum of series asks too, and gets the same within one collection. */
  of(collection: number): readonly Exemplar[] {
    if (collection !== this.#collection) {
      this.#collection = collection;
      this.#collected = [...this.#fresh.values()];
      this.#fresh.clear();
    }
    return this.#collected;
  }
}
