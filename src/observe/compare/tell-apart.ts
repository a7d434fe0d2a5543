import type { FlightRecord } from '../flight/flight-record.ts';
import type { ComparedField } from './compared-fields.ts';
import { type Column, type ComparedSets, inSet, SetsBuilder, setsOf } from './compared-sets.ts';

/** A property that many of one set have and few of the other. */
export type Difference = {
  readonly field: ComparedField;
  /** `is` a word; a number is `at_least` or `below` it. */
  readonly is: 'is' | 'at_least' | 'below';
  readonly value: string | number;
  /** Requests of each set that have the property, and that have the field at all. */
  readonly first: { readonly have: number; readonly of: number };
  readonly second: { readonly have: number; readonly of: number };
  /** From 0 to 1: by how much the shares of the two sets differ. */
  readonly parts: number;
};

/** The differences of two sets, the clearest first; what chance could have made is left out. */
export function tellApart(first: readonly FlightRecord[], second: readonly FlightRecord[]): Difference[] {
  const builder = new SetsBuilder();
  for (const record of first) builder.add(inSet.first, record);
  for (const record of second) builder.add(inSet.second, record);
  return differencesOf(setsOf(builder.build()));
}

export function differencesOf(sets: ComparedSets): Difference[] {
  return sets.columns
    .flatMap((column) => differencesIn(column, sets))
    .filter(isNoChance)
    .sort((one, other) => other.parts - one.parts);
}

function differencesIn(column: Column, sets: ComparedSets): Difference[] {
  if (sets.first === 0 || sets.second === 0) return [];
  return column.words ? ofWords(column, column.words, sets) : ofNumbers(column, sets);
}

/** The word that parts the sets best. A request without the field has another value, too. */
function ofWords({ field, values }: Column, words: readonly string[], { first, second }: ComparedSets): Difference[] {
  const counts = words.map(() => [0, 0] as [number, number]);
  for (let at = 0; at < values.length; at += 1) {
    const word = values[at]!;
    if (!Number.isNaN(word)) counts[word]![at < first ? 0 : 1] += 1;
  }
  let best: Difference | undefined;
  for (const [word, [inFirst, inSecond]] of counts.entries()) {
    const share = inFirst / first - inSecond / second;
    // What the first set has is easier to read than what it lacks.
    const parts = Math.abs(share);
    if (best && (parts < best.parts || (parts === best.parts && share <= 0))) continue;
    best = {
      field,
      is: 'is',
      value: words[word]!,
      first: { have: inFirst, of: first },
      second: { have: inSecond, of: second },
      parts,
    };
  }
  return best ? [best] : [];
}

/** The threshold that parts the sets best: the place of the Kolmogorov–Smirnov distance. */
function ofNumbers({ field, values }: Column, { first }: ComparedSets): Difference[] {
  const one = sorted(values.subarray(0, first));
  const other = sorted(values.subarray(first));
  if (one.length === 0 || other.length === 0) return [];
  let best = { parts: 0, value: 0, below: [0, 0] as [number, number] };
  let [inOne, inOther] = [0, 0];
  while (inOne < one.length || inOther < other.length) {
    const value = Math.min(one[inOne] ?? Number.POSITIVE_INFINITY, other[inOther] ?? Number.POSITIVE_INFINITY);
    const parts = Math.abs(inOne / one.length - inOther / other.length);
    if (parts > best.parts) best = { parts, value, below: [inOne, inOther] };
    while (one[inOne] === value) inOne += 1;
    while (other[inOther] === value) inOther += 1;
  }
  if (best.parts === 0) return [];
  const [below, belowOther] = best.below;
  const isLow = below / one.length > belowOther / other.length;
  return [
    {
      field,
      is: isLow ? 'below' : 'at_least',
      value: best.value,
      first: { have: isLow ? below : one.length - below, of: one.length },
      second: { have: isLow ? belowOther : other.length - belowOther, of: other.length },
      parts: best.parts,
    },
  ];
}

function sorted(values: Float64Array): Float64Array {
  return values.filter((value) => !Number.isNaN(value)).sort();
}

/**
 * Two shares of so many requests differ by more than chance: four standard errors, since the best
 * of many values was looked for.
 */
function isNoChance({ first, second, parts }: Difference): boolean {
  const share = (first.have + second.have) / (first.of + second.of);
  const error = Math.sqrt(share * (1 - share) * (1 / first.of + 1 / second.of));
  return parts >= 0.05 && (error === 0 || parts > errorsMin * error);
}

const errorsMin = 3;
