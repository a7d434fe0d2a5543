import { ServiceError } from '../../errors.ts';

/**
 * A body that cannot be read: `where` is the path into it as its author would write it,
 * `inputs[0].data[17]`.
 */
export function malformed(where: string, problem: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_body', `Cannot read the body: ${where} ${problem}.`, { cause });
}

/**
 * What a caller wrote, as it may be repeated in a message: short, on one line, and without control
 * characters.
 */
export function quoted(given: unknown): string {
  // Never deeper than one level: what was written may be nested deeper than any recursion goes.
  if (Array.isArray(given))
    return given.length > 8 || given.some(isNested) ? `an array of ${given.length}` : `[${given.map(quoted).join()}]`;
  if (isNested(given)) return Object.keys(given).length === 0 ? '{}' : 'an object';
  return shortened(JSON.stringify(given) ?? 'nothing');
}

export function shortened(text: string): string {
  return text.length > 48 ? `${text.slice(0, 48).toWellFormed()}…` : text;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
