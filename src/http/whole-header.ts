import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import type { Caller } from './caller.ts';

/** A header that is a whole number of at least `min`; undefined where there is none. */
export function wholeHeader(request: Pick<Caller, 'headers'>, name: string, min: number): number | undefined {
  const given = request.headers[name];
  if (given === undefined) return undefined;
  const value = typeof given === 'string' ? wholeNumber(given) : -1;
  if (value >= min) return value;
  throw new ServiceError(
    'invalid_request',
    say`Cannot take the request: its header ${ours(name)} is no whole number of at least ${min}; correct it or leave it out.`,
  );
}

/** -1 where it is none. Digit by digit: a tenth of what a regular expression and Number take. */
function wholeNumber(text: string): number {
  if (text.length === 0 || text.length > digitsMax) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const digitsMax = 15;
const zero = '0'.charCodeAt(0);
