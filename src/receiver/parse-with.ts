import type { z } from 'zod';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

/** What the schema makes of the value, or a failure that says where it is wrong. */
export function parseWith<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ServiceError(
    'invalid_body',
    say`Cannot take ${ours(what)}: ${firstIssue(parsed.error)}; correct it and send it again.`,
  );
}

/**
 * The first thing that is wrong, in few words: the place and the rule. Names in the path may be the
 * caller's, so they are bounded.
 */
export function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  if (!issue) return 'it is not what the route takes';
  const path = issue.path
    .map((part) => String(part).slice(0, 40))
    .join('.')
    .slice(0, 120);
  return `${path === '' ? 'all of it' : path}: ${issue.message.slice(0, 200)}`;
}
