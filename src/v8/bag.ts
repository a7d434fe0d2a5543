/** What is in a bag knows where in it it is. */
export type InBag = { place: number };

/**
 * Things that come and go with each request, in no order. In a Set each of them would be a deleted row of a table that is made anew every few dozen, and
 * each old table points to the next: once one has become old, the collector of young objects keeps and moves all that come after it.
 */
export class Bag<Thing extends InBag> {
  /** As long as there ever were things in it at once: a list that shrinks and grows is made anew as well. */
  readonly #things: (Thing | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(thing: Thing): void {
    thing.place = this.#size;
    this.#things[this.#size] = thing;
    this.#size += 1;
  }

  /** The last one takes its place. Nothing happens to what is not in it any more. */
  remove(thing: Thing): void {
    if (this.#things[thing.place] !== thing) return;
    this.#size -= 1;
    const last = this.#things[this.#size]!;
    this.#things[thing.place] = last;
    last.place = thing.place;
    this.#things[this.#size] = undefined;
  }

  /** Those that are in it now, whatever comes and goes meanwhile. */
  [Symbol.iterator](): Iterator<Thing> {
    return (this.#things.slice(0, this.#size) as Thing[]).values();
  }
}
