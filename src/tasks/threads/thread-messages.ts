import type { Config } from '../../config.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { CarriedError } from '../../threads/carried-error.ts';
import type { GrowingSound } from '../growing-sound.ts';
import type { TaskModel } from '../task-model.ts';
import type { TaskRequest, TaskResult } from '../task-types.ts';
import type { TaskMeasures } from '../task-work.ts';
import type { Stretch } from './task-clock.ts';

/** One task as its thread receives it. */
export type TaskOrder = { readonly request: TaskRequest; readonly model: TaskModel | undefined };

export type ToThread =
  | {
      readonly kind: 'work';
      readonly order: TaskOrder;
      readonly config: Config;
      readonly folder: string;
      readonly zeroMs: number;
    }
  | { readonly kind: 'answer'; readonly call: number; readonly outputs: readonly Tensor[] }
  | { readonly kind: 'refusal'; readonly call: number; readonly failure: CarriedError }
  | { readonly kind: 'abort' };

export type FromThread =
  | { readonly kind: 'infer'; readonly call: number; readonly inputs: readonly Tensor[] }
  | { readonly kind: 'reserve'; readonly call: number; readonly bytes: number }
  | { readonly kind: 'grown'; readonly sound: GrowingSound }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly step: string }
  | { readonly kind: 'spent'; readonly stretches: readonly Stretch[] }
  | { readonly kind: 'measured'; readonly measures: TaskMeasures }
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly failure: CarriedError };
