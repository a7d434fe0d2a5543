import { ServiceError } from '../../errors.ts';

/** A body that cannot be read: `where` is the path into it as its author would write it, `inputs[0].data[17]`. */
export function malformed(where: string, problem: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_body', `Cannot read the body: ${where} ${problem}.`, { cause });
}

/** What a caller wrote, as it may be repeated in a message: short, on one line, and without control characters. */
export function quoted(given: unknown): string {
  const text = JSON.stringify(given, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  if (text === undefined) return 'nothing';
  return text.length > 48 ? `${text.slice(0, 48).toWellFormed()}…` : text;
}
