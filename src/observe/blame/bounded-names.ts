/** The first so many names by themselves; what comes later is one. */
export class BoundedNames {
  readonly #max: number;
  readonly #names = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  of(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#max) return others;
    this.#names.add(name);
    return name;
  }
}

/** Names beyond the limit. */
export const others = '(others)';
