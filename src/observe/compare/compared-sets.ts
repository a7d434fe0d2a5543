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

/** Two sets of requests by their fields, the first set first, as they can be sent to a thread. */
export type ComparedSets = { readonly first: number; readonly second: number; readonly columns: readonly Column[] };

/** Collects the two sets, a request at a time. */
export class SetsBuilder {
  readonly #max: number;
  readonly #columns = comparedFieldNames.map((field) => ({
    field,
    words: fieldOf(field).kind === 'word' ? new Map<string, number>() : undefined,
    values: [[], []] as [number[], number[]],
  }));
  readonly #counts: [number, number] = [0, 0];

  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  /** `set`: 0 is the first. False: it has as many as it may. */
  add(set: 0 | 1, record: FlightRecord): boolean {
    if (this.#counts[set] >= this.#max) return false;
    this.#counts[set] += 1;
    for (const { field, words, values } of this.#columns) {
      const value = fieldOf(field).of(record);
      values[set].push(typeof value === 'string' ? numberOf(words!, value) : (value ?? Number.NaN));
    }
    return true;
  }

  get counts(): readonly [number, number] {
    return this.#counts;
  }

  build(): ComparedSets {
    return {
      first: this.#counts[0],
      second: this.#counts[1],
      columns: this.#columns.map(({ field, words, values }) => ({
        field,
        words: words && [...words.keys()],
        values: Float64Array.from([...values[0], ...values[1]]),
      })),
    };
  }
}

function numberOf(words: Map<string, number>, word: string): number {
  const known = words.get(word);
  if (known !== undefined) return known;
  words.set(word, words.size);
  return words.size - 1;
}
