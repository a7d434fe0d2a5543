/** An item knows its index, so that it is removed without a search. */
export type InChurnList = { index: number };

/**
 * Items that come and go with each request, in no order. A Set would rebuild its table every few
 * dozen of them, and old tables keep young objects alive (measured in bench/LOG.md, 2026-11-22).
 */
export class ChurnList<Item extends InChurnList> {
  /** Never shrinks: its capacity is the high-water mark. */
  readonly #items: (Item | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: Item): void {
    item.index = this.#size;
    this.#items[this.#size] = item;
    this.#size += 1;
  }

  /** The last item takes its index. An item that is not in the list stays out. */
  remove(item: Item): void {
    if (this.#items[item.index] !== item) return;
    this.#size -= 1;
    const last = this.#items[this.#size]!;
    this.#items[item.index] = last;
    last.index = item.index;
    this.#items[this.#size] = undefined;
  }

  /** The items that are in the list now, whatever comes and goes meanwhile. */
  [Symbol.iterator](): Iterator<Item> {
    return (this.#items.slice(0, this.#size) as Item[]).values();
  }
}
