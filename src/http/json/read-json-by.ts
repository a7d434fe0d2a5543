import type { Request } from 'express';
import type { z } from 'zod';
import type { BodyReader } from '../body-reader.ts';
import { kindOf } from './json-fields.ts';
import { malformed } from './malformed.ts';
import { readJsonBody } from './read-json-body.ts';

/**
 * A JSON body by the schema that /openapi.json shows; `invalid_body` says where it is something
 * else.
 */
export async function readJsonBy<Schema extends z.ZodObject>(
  schema: Schema,
  bodies: BodyReader,
  request: Request,
): Promise<z.output<Schema>> {
  const given: unknown = await readJsonBody(bodies, request);
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const value = issue.path.reduce<unknown>((at, name) => (at as Record<PropertyKey, unknown>)[name], given);
  throw malformed(issue.path.join('.'), `is ${kindOf(value)}; ${wanted(issue)} is wanted`);
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return wordFor[issue.expected as keyof typeof wordFor] ?? issue.expected;
    case 'invalid_union':
      return issue.errors.map(([first]) => (first ? wanted(first) : 'something else')).join(' or ');
    default:
      return 'something else';
  }
}

const wordFor = { boolean: 'true or false', object: 'an object', record: 'an object', string: 'text' } as const;
