import { FairRows } from './fair-rows.ts';

/** The last so many of something; who adds the most pushes out their own first. */
export class FairRing<Item> {
  readonly #rows: FairRows;
  readonly #items: Item[] = [];

  constructor(max: number) {
    this.#rows = new FairRows(max);
  }

  /** Answers what it pushed out. */
  add(owner: string, item: Item): Item | undefined {
    const row = this.#rows.take(owner);
    const before = this.#items[row];
    this.#items[row] = item;
    return before;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<Item> {
    for (const row of this.#rows) yield this.#items[row]!;
  }
}
