import type { Request } from 'express';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

/** A header that is a whole number of at least `min`; undefined where there is none. */
export function wholeHeader(request: Request, name: string, min: number): number | undefined {
  const given = request.headers[name];
  if (given === undefined) return undefined;
  const value = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : -1;
  if (value >= min) return value;
  throw new ServiceError(
    'invalid_request',
    say`Cannot take the request: its header ${ours(name)} is no whole number of at least ${min}; correct it or leave it out.`,
  );
}
