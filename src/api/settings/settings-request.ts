import type { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import { ours, oursIfAmong, say } from '../../sentence.ts';

/**
 * The settings of a request, by the schema that /openapi.json shows; the messages of the schema are
 * ours. Where one cannot be taken, none of them is.
 */
export function readSettings<Schema extends z.ZodObject>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const known = Object.keys(schema.shape);
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0)
    throw malformedSetting(issue.keys[0] ?? '', `is none of ${known.join(', ')}`, known);
  throw malformedSetting(String(issue?.path[0] ?? 'the body'), issue?.message ?? 'is not what it has to be', known);
}

function malformedSetting(name: string, problem: string, known: readonly string[]): ServiceError {
  return new ServiceError(
    'invalid_body',
    say`Cannot change the settings: ${oursIfAmong(name.slice(0, 48), known)} ${ours(problem)}; nothing was changed.`,
  );
}
