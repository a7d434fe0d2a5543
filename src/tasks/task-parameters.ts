import type { z } from 'zod';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { ours, oursIfAmong, type Sentence, say } from '../sentence.ts';
import { generateParameters } from './generation/generate-parameters.ts';
import { microstructureParameters } from './materials/microstructure-parameters.ts';
import { scoreParameters } from './quality/score-parameters.ts';
import { separateParameters } from './separation/separate-parameters.ts';
import { speechParameters } from './speech/speech-parameters.ts';
import type { TaskKind } from './task.ts';

/** What may be asked of each kind of task: checked here, described in /openapi.json from the same. */
export const taskParameters = {
  separate: separateParameters,
  generate: generateParameters,
  score: scoreParameters,
  microstructure: microstructureParameters,
  speech: speechParameters,
} as const;

export type ParametersOf<Kind extends TaskKind> = z.output<ReturnType<(typeof taskParameters)[Kind]>>;

/** The parameters with every default filled in; `invalid_input` names the one that is wrong. Checking what was checked changes nothing. */
export function checkParameters(kind: TaskKind, given: unknown, config: Config): Record<string, unknown> {
  const schema = taskParameters[kind](config);
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.length ? placeOf(issue.path, Object.keys(schema.shape)) : say`the parameters`;
  throw new ServiceError(
    'invalid_input',
    say`Cannot take the task: ${place}: ${problemOf(issue)}; /openapi.json says what may stand there.`,
  );
}

/** A parameter that the task has may be recorded; one that it has not, and what stands below one, is the caller's. */
function placeOf([name, ...rest]: readonly PropertyKey[], known: readonly string[]): Sentence {
  const below = rest.length === 0 ? say`` : say`.${rest.map(String).join('.').slice(0, 100)}`;
  return say`parameter ${oursIfAmong(String(name).slice(0, 100), known)}${below}`;
}

/** What the schema says of it: its own words and limits, but for names that it does not know. */
function problemOf(issue: z.core.$ZodIssue | undefined): string | Sentence {
  const message = (issue?.message ?? 'not what it should be').slice(0, 300);
  return issue?.code === 'unrecognized_keys' || issue?.code === 'invalid_key' ? message : ours(message);
}

/** Which model a task asks for. */
export function modelOf(kind: TaskKind, parameters: Record<string, unknown>): string {
  switch (kind) {
    case 'separate':
      return parameters.model_name as string;
    case 'score':
      return 'dnsmos';
    case 'speech':
      return 'silero-vad';
    case 'generate':
    case 'microstructure':
      return parameters.model as string;
  }
}
