/**
 * Where the time of an inference goes, in this order. What none of them has is the rest, and is
 * measured too.
 */
export const inferenceStages = ['receive', 'decode', 'queue', 'assemble', 'run', 'split', 'encode', 'send'] as const;
export type InferenceStage = (typeof inferenceStages)[number];

/** A task has two more: the work in its own thread, and the writing of files. */
export const stageNames = [
  'receive',
  'decode',
  'queue',
  'assemble',
  'run',
  'split',
  'work',
  'encode',
  'write',
  'send',
] as const;
export type StageName = (typeof stageNames)[number];
/** In milliseconds. */
export type Stages = Readonly<Record<StageName, number>>;

/** The stages that a task measures itself. Nothing of a task shares a batch. */
export const taskStages = ['decode', 'queue', 'run', 'work', 'encode', 'write'] as const satisfies readonly StageName[];
export type TaskStages = Readonly<Record<(typeof taskStages)[number], number>>;

/** What the stages have of the whole. */
export function bookedMs(stages: Stages): number {
  return stageNames.reduce((sum, stage) => sum + stages[stage], 0);
}
