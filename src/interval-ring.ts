import type { Span } from './spans-of-time.ts';

/** An interval with its numbers, made when somebody asks. */
export type Interval<Fact extends string> = Span & Readonly<Record<Fact, number>>;

/**
 * The last so many intervals of time, each with a few numbers, in order of their ends. They are
 * rows of one array: nothing is made for an interval.
 */
export class IntervalRing<Fact extends string> {
  readonly #facts: readonly Fact[];
  readonly #max: number;
  readonly #width: number;
  readonly #numbers: Float64Array;
  #added = 0;
  #forgottenUntil = 0;

  constructor(facts: readonly Fact[], max: number) {
    this.#facts = facts;
    this.#max = max;
    this.#width = facts.length + 2;
    this.#numbers = new Float64Array(max * this.#width);
  }

  /** `numbers`: in the order of the facts. */
  add(from: number, to: number, ...numbers: readonly number[]): void {
    const at = (this.#added % this.#max) * this.#width;
    if (this.#added >= this.#max) this.#forgottenUntil = this.#numbers[at + 1]!;
    this.#numbers[at] = from;
    this.#numbers[at + 1] = to;
    for (let fact = 0; fact < this.#facts.length; fact += 1) this.#numbers[at + 2 + fact] = numbers[fact] ?? 0;
    this.#added += 1;
  }

  /** The end of the newest one that was forgotten; 0: none was. */
  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  /** The end of the newest one; 0: there is none. */
  get lastTo(): number {
    return this.#added === 0 ? 0 : this.#numbers[((this.#added - 1) % this.#max) * this.#width + 1]!;
  }

  /** Those that have a moment in common with it, the oldest first. */
  during({ from, to }: Span): Interval<Fact>[] {
    const found: Interval<Fact>[] = [];
    const count = Math.min(this.#added, this.#max);
    for (let back = 1; back <= count; back += 1) {
      const at = ((this.#added - back) % this.#max) * this.#width;
      if (this.#numbers[at + 1]! <= from) break;
      if (this.#numbers[at]! < to) found.push(this.#at(at));
    }
    return found.reverse();
  }

  #at(at: number): Interval<Fact> {
    const facts = Object.fromEntries(this.#facts.map((fact, index) => [fact, this.#numbers[at + 2 + index]!]));
    return { from: this.#numbers[at]!, to: this.#numbers[at + 1]!, ...facts } as Interval<Fact>;
  }
}
