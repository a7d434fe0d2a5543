/**
 * Random numbers that are the same for the same seed, on every machine: sfc32, seeded through a mix
 * of the seed and a purpose.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare: number | undefined;

  /**
   * Numbers drawn for different purposes do not depend on each other: one more draw for the one
   * changes nothing in the other.
   */
  constructor(seed: number, purpose: string) {
    const words = new Uint32Array(3);
    const text = `${seed}/${purpose}`;
    for (let word = 0; word < 3; word += 1) words[word] = mixed(text, word);
    [this.#a, this.#b, this.#c] = [words[0] as number, words[1] as number, words[2] as number];
    for (let turn = 0; turn < 16; turn += 1) this.#next();
  }

  /** From 0 up to but not 1. */
  uniform(): number {
    // 53 bits from two draws.
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Mean 0, variance 1 (Box–Muller). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  normals(count: number): Float32Array {
    const values = new Float32Array(count);
    for (let at = 0; at < count; at += 1) values[at] = this.normal();
    return values;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** FNV-1a, finished with a mix so that neighbouring seeds start far apart. */
function mixed(text: string, salt: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(salt + 1, 0x9e3779b9);
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
