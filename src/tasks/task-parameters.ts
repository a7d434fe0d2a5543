import { z } from 'zod';
import type { Config } from '../config.ts';
import { type FailureCode, ServiceError } from '../errors.ts';
import { ours, oursIfAmong, type Sentence, say } from '../sentence.ts';
import type { TaskKind } from '../task-kinds.ts';
import { generateParameters } from './generation/generate-parameters.ts';
import { microstructureParameters } from './materials/microstructure-parameters.ts';
import { scoreParameters } from './quality/score-parameters.ts';
import { separateParameters } from './separation/separate-parameters.ts';
import { speechParameters } from './speech/speech-parameters.ts';

/**
 * What may be asked of each kind of task: checked here, described in /openapi.json from the same.
 */
export const taskParameters = {
  separate: separateParameters,
  generate: generateParameters,
  score: scoreParameters,
  microstructure: microstructureParameters,
  speech: speechParameters,
} as const;

export type ParametersOf<Kind extends TaskKind> = z.output<ReturnType<(typeof taskParameters)[Kind]>>;

/**
 * The parameters with every default filled in; `invalid_input` names the one that is wrong.
 * Checking what was checked changes nothing.
 */
export function checkParameters(kind: TaskKind, given: unknown, config: Config): Record<string, unknown> {
  const schema = taskParameters[kind](config);
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const failure = issue?.code === 'custom' ? (issue.params?.failure as FailureCode | undefined) : undefined;
  if (issue && failure) throw new ServiceError(failure, ours(issue.message));
  const place = issue?.path.length ? placeOf(issue.path, Object.keys(schema.shape)) : say`the parameters`;
  throw new ServiceError(
    'invalid_input',
    say`Cannot take the task: ${place}: ${problemOf(issue)}; /openapi.json says what may stand there.`,
  );
}

/**
 * Forms and queries have text only: numbers and truth values in it become what they are, for the
 * parameters that are.
 */
export function fromText(
  kind: TaskKind,
  given: Readonly<Record<string, unknown>>,
  config: Config,
): Record<string, unknown> {
  const shape: Readonly<Record<string, z.ZodType>> = taskParameters[kind](config).shape;
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === 'string' ? typed(value, shape[name]) : value]),
  );
}

function typed(text: string, schema: z.ZodType | undefined): unknown {
  if (isA(z.ZodNumber, schema) && figure.test(text)) return Number(text);
  if (isA(z.ZodBoolean, schema) && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const figure = /^-?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i;

function isA(kind: typeof z.ZodNumber | typeof z.ZodBoolean, schema: z.ZodType | undefined): boolean {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return isA(kind, schema.unwrap() as z.ZodType);
  return schema instanceof kind;
}

/**
 * A parameter that the task has may be recorded; one that it has not, and what stands below one, is
 * the caller's.
 */
function placeOf([name, ...rest]: readonly PropertyKey[], known: readonly string[]): Sentence {
  const below = rest.length === 0 ? say`` : say`.${rest.map(String).join('.').slice(0, 100)}`;
  return say`parameter ${oursIfAmong(String(name).slice(0, 100), known)}${below}`;
}

/** The schema's own words and limits, but for names that it does not know. */
function problemOf(issue: z.core.$ZodIssue | undefined): string | Sentence {
  const message = (issue?.message ?? 'not what it should be').slice(0, 300);
  return issue?.code === 'unrecognized_keys' || issue?.code === 'invalid_key' ? message : ours(message);
}
