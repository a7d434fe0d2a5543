import type { Config } from '../../config.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { type FailureCode, ServiceError } from '../../errors.ts';
import { asDiskFailure } from '../../resilience/disk-failure.ts';
import { Sentence } from '../../sentence.ts';
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
  | { readonly kind: 'refusal'; readonly call: number; readonly failure: CarriedFailure }
  | { readonly kind: 'abort' };

export type FromThread =
  | { readonly kind: 'infer'; readonly call: number; readonly inputs: readonly Tensor[] }
  | { readonly kind: 'reserve'; readonly call: number; readonly bytes: number }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly step: string }
  | { readonly kind: 'spent'; readonly stretches: readonly Stretch[] }
  | { readonly kind: 'measured'; readonly measures: TaskMeasures }
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly failure: CarriedFailure };

/** An error loses its class on its way between threads; this is what remains. */
export type CarriedFailure =
  | {
      readonly code: FailureCode;
      readonly message: string;
      /** The message without the caller's words. */
      readonly recorded: string;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly defect: string };

export function carried(thrown: unknown): CarriedFailure {
  const error = asDiskFailure(thrown);
  if (error instanceof ServiceError)
    return { code: error.code, message: error.message, recorded: error.recorded, retryAfterMs: error.retryAfterMs };
  return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function uncarried(failure: CarriedFailure): Error {
  if ('defect' in failure) return new Error(failure.defect);
  const { code, message, recorded, retryAfterMs } = failure;
  return new ServiceError(code, new Sentence(message, recorded), retryAfterMs === undefined ? {} : { retryAfterMs });
}

/**
 * The buffers under tensors that may change hands: whole ones that nobody else looks into. Each
 * once.
 */
export function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) if (ArrayBuffer.isView(data)) buffers.add(data.buffer as ArrayBuffer);
  return [...buffers];
}
