/**
 * The last thing that was looked up, by up to four keys: most requests look for what the one before
 * looked for.
 */
export class LastFound<Value> {
  #a: unknown;
  #b: unknown;
  #c: unknown;
  #d: unknown;
  #value: Value | undefined;

  get(a: unknown, b: unknown, c?: unknown, d?: unknown): Value | undefined {
    return a === this.#a && b === this.#b && c === this.#c && d === this.#d ? this.#value : undefined;
  }

  set(value: Value, a: unknown, b: unknown, c?: unknown, d?: unknown): Value {
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
    this.#value = value;
    return value;
  }
}
