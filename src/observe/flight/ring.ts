/** The last so many of something, at the cost of one write each. */
export class Ring<Item> {
  readonly #max: number;
  readonly #items: Item[] = [];
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(item: Item): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#max;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<Item> {
    const { length } = this.#items;
    for (let back = 1; back <= length; back += 1) yield this.#items[(this.#next - back + length) % length]!;
  }
}
