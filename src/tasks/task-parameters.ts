import type { z } from 'zod';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
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
  const parsed = taskParameters[kind](config).safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.length ? `parameter ${issue.path.join('.').slice(0, 100)}` : 'the parameters';
  throw new ServiceError(
    'invalid_input',
    `Cannot take the task: ${place}: ${(issue?.message ?? 'not what it should be').slice(0, 300)}; /openapi.json says what may stand there.`,
  );
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
