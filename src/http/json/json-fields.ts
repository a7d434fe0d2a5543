import { malformed, quoted } from './malformed.ts';

// Reading a member of a JSON object that someone else wrote: it has the wanted kind, or the message
// says where it has not.

export type JsonObject = { readonly [member: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value;
  throw malformed(where, `is ${kindOf(value)}; an object is wanted`);
}

export function arrayAt(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(where, `is ${kindOf(value)}; an array is wanted`);
}

/** The member's text, or undefined where it is absent. */
export function textOf(object: JsonObject, member: string, where: string): string | undefined {
  const value = object[member];
  if (value === undefined) return undefined;
  if (typeof value === 'string') return value;
  throw malformed(`${where}${member}`, `is ${kindOf(value)}; text is wanted`);
}

export function flagOf(object: JsonObject, member: string, where: string): boolean | undefined {
  const value = object[member];
  if (value === undefined) return undefined;
  if (typeof value === 'boolean') return value;
  throw malformed(`${where}${member}`, `is ${kindOf(value)}; true or false is wanted`);
}

export function wholeOf(object: JsonObject, member: string, where: string): number | undefined {
  const value = object[member];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(
    `${where}${member}`,
    `is ${typeof value === 'number' ? quoted(value) : kindOf(value)}; a whole number of at least 0 is wanted`,
  );
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'object':
      return 'an object';
    case 'string':
      return 'text';
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return 'a number';
  }
}
