import type { Request } from 'express';
import type { z } from 'zod';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

// What stands in a query or in headers, read by the schemas that /openapi.json shows. The messages
// of these schemas are ours and quote nothing. A value that is empty is a value: it is refused
// where the schema does not allow it, and is never taken for one that is absent.

/** The parameters of a query; those that the schema does not know are passed over. */
export function readQuery<Schema extends z.ZodObject>(schema: Schema, request: Request): z.output<Schema> {
  return readBy(schema, request.query, 'Cannot answer');
}

/** The headers that a schema names; their names are in small letters, as Node has them. */
export function readHeaders<Schema extends z.ZodObject>(schema: Schema, request: Request): z.output<Schema> {
  const given = Object.fromEntries(
    Object.keys(schema.shape).map((name) => [name, request.headers[name.toLowerCase()]] as const),
  );
  return readBy(schema, given, 'Cannot take the request');
}

function readBy<Schema extends z.ZodObject>(schema: Schema, given: unknown, cannot: string): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? 'it is not what /openapi.json says';
  throw new ServiceError('invalid_request', say`${ours(cannot)}: ${ours(message)}; correct it or leave it out.`);
}
