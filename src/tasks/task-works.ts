import { generate } from './generation/generate.ts';
import { growMicrostructure } from './materials/grow-microstructure.ts';
import { score } from './quality/score.ts';
import { separate } from './separation/separate.ts';
import { findSpeech } from './speech/find-speech.ts';
import type { ParametersOf } from './task-parameters.ts';
import type { TaskRequest, TaskResult } from './task-types.ts';
import type { TaskHands } from './task-work.ts';

/** Which work belongs to which kind of task. Its parameters have been checked by its schema. */
export function workOf({ kind, parameters, files }: TaskRequest, hands: TaskHands): Promise<TaskResult> {
  switch (kind) {
    case 'separate':
      return separate(parameters as ParametersOf<'separate'>, files, hands);
    case 'generate':
      return generate(parameters as ParametersOf<'generate'>, files, hands);
    case 'score':
      return score(parameters as ParametersOf<'score'>, files, hands);
    case 'microstructure':
      return growMicrostructure(parameters as ParametersOf<'microstructure'>, files, hands);
    case 'speech':
      return findSpeech(parameters as ParametersOf<'speech'>, files, hands);
  }
}
