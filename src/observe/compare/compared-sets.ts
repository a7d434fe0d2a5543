import type { FlightRecord } from '../flight/flight-record.ts';
import { type ComparedField, comparedFieldNames, fieldOf } from './compared-fields.ts';

/** A field of many requests: a number each; of words, their numbers in `words`. */
export type Column = {
  readonly field: ComparedField;
  /** Undefined: the values are numbers themselves. */
  readonly words: readonly string[] | undefined;
  /** NaN: the request has none. */
  readonly values: Float64Array;
};

/** Which sets a request may belong to; the first set is asked first. */
export const inSet = { first: 1, second: 2 } as const;

/** Requests by their fields, as they can be sent to a thread: bits of `inSet`, and the values. */
export type ComparedRequests = { readonly members: Uint8Array; readonly columns: readonly Column[] };

/** Two sets of requests by their fields, the first set first. */
export type ComparedSets = { readonly first: number; readonly second: number; readonly columns: readonly Column[] };

const fields = comparedFieldNames.map((name) => ({ name, ...fieldOf(name) }));

/** Collects requests, one at a time: of a record nothing is stored but its numbers. */
export class SetsBuilder {
  readonly #words = fields.map(({ kind }) => (kind === 'word' ? new Map<string, number>() : undefined));
  #values = fields.map(() => new Float64Array(roomAtFirst));
  #members = new Uint8Array(roomAtFirst);
  #count = 0;

  /** `sets`: bits of `inSet`. */
  add(sets: number, record: FlightRecord): void {
    if (this.#count === this.#members.length) this.#grow();
    const at = this.#count;
    this.#count += 1;
    this.#members[at] = sets;
    for (let column = 0; column < fields.length; column += 1) {
      const value = fields[column]!.of(record);
      this.#values[column]![at] =
        typeof value === 'string' ? numberOf(this.#words[column]!, value) : (value ?? Number.NaN);
    }
  }

  build(): ComparedRequests {
    return {
      members: this.#members.subarray(0, this.#count),
      columns: fields.map(({ name }, column) => {
        const words = this.#words[column];
        return {
          field: name,
          words: words && [...words.keys()],
          values: this.#values[column]!.subarray(0, this.#count),
        };
      }),
    };
  }

  #grow(): void {
    const room = this.#members.length * 2;
    const members = new Uint8Array(room);
    members.set(this.#members);
    this.#members = members;
    this.#values = this.#values.map((values) => {
      const larger = new Float64Array(room);
      larger.set(values);
      return larger;
    });
  }
}

const roomAtFirst = 1024;

/** The two sets; `slowerThanMs`: of the first are only those that took so long or longer. */
export function setsOf({ members, columns }: ComparedRequests, slowerThanMs = 0): ComparedSets {
  const took = columns.find(({ field }) => field === 'took')!.values;
  const first: number[] = [];
  const second: number[] = [];
  for (const [at, sets] of members.entries())
    if ((sets & inSet.first) !== 0 && took[at]! >= slowerThanMs) first.push(at);
    else if ((sets & inSet.second) !== 0) second.push(at);
  const order = [...first, ...second];
  return {
    first: first.length,
    second: second.length,
    columns: columns.map((column) => ({ ...column, values: Float64Array.from(order, (at) => column.values[at]!) })),
  };
}

/** What the slowest so many percent took at least. */
export function slowestFrom({ columns }: ComparedRequests, percent: number): number {
  const times = columns.find(({ field }) => field === 'took')!.values.toSorted();
  return times[Math.max(0, Math.floor(times.length * (1 - percent / 100)))] ?? 0;
}

function numberOf(words: Map<string, number>, word: string): number {
  const known = words.get(word);
  if (known !== undefined) return known;
  words.set(word, words.size);
  return words.size - 1;
}
