/** Pseudo-random choices, the same for the same seed and number (SplitMix32). */
export class Random {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed, 0x9e37_79b9) ^ Math.imul(index + 1, 0x85eb_ca6b)) >>> 0;
    this.#next();
  }

  /** A whole number below the limit; 0 where that is 0. */
  upTo(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.upTo(choices.length)]!;
  }

  several<T>(min: number, max: number, make: () => T): T[] {
    return Array.from({ length: min + this.upTo(max - min + 1) }, make);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.upTo(256);
    return bytes;
  }

  text(lengthMax: number): string {
    const letters = ['a', 'B', '7', ' ', '"', '\\', '/', '<', '%', 'é', '\u0000', '\u2028', '😀', '\ud800', '{', '\n'];
    const length = this.upTo(lengthMax);
    // Long ones are of one letter: what is in them is soon said.
    if (length > 100) return this.of(letters).repeat(length);
    return Array.from({ length }, () => this.of(letters)).join('');
  }

  json(depth: number): unknown {
    const leaf = () => this.of([null, true, false, 0, 1, -1, 0.5, 1e300, 2 ** 53, 'x', '', this.text(20)]);
    if (depth <= 0) return leaf();
    return this.of<() => unknown>([
      leaf,
      leaf,
      () => this.several(0, 4, () => this.json(depth - 1)),
      () =>
        Object.fromEntries(
          this.several(0, 4, () => [this.chance(0.9) ? this.text(8) : '__proto__', this.json(depth - 1)]),
        ),
    ])();
  }

  #next(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}
