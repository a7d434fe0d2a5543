import { FairRows } from './fair-rows.ts';

/** The last so many of something; whoever adds the most pushes out its own first. */
export class FairRing<Item> {
  readonly #rows: FairRows;
  readonly #items: Item[] = [];

  constructor(max: number) {
    this.#rows = new FairRows(max);
  }

  add(owner: string, item: Item): void {
    this.#items[this.#rows.take(owner)] = item;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<Item> {
    for (const row of this.#rows) yield this.#items[row]!;
  }
}
