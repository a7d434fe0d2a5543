import { percent, sizeInBytes, time } from '../why/why-words.ts';
import { fieldOf } from './compared-fields.ts';
import type { Difference } from './tell-apart.ts';

/** As in `rows below 1: 24 of 24 against 0 of 92`. */
export function sayDifference(difference: Difference): string {
  const { first, second } = difference;
  return `${sayProperty(difference)}: ${first.have} of ${first.of} (${percent(first.have / first.of)}) against ${second.have} of ${second.of} (${percent(second.have / second.of)})`;
}

function sayProperty({ field, is, value }: Difference): string {
  const of = fieldOf(field);
  if (of.kind === 'word' || typeof value === 'string') return `${of.label} ${value}`;
  const number = of.unit === 'ms' ? time(value) : of.unit === 'bytes' ? sizeInBytes(value) : String(value);
  return `${of.label} ${is === 'below' ? 'below' : 'at least'} ${number}`;
}
