import type { Config } from '../config.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { GrowingSound } from './growing-sound.ts';
import type { TaskModel } from './task-model.ts';
import type { TaskProgress, TaskResult, UploadedFile } from './task-types.ts';

/**
 * What a task's work has at hand in its thread: engine calls and progress go through the main
 * thread, everything else is done here.
 */
export type TaskHands = {
  readonly config: Config;
  readonly model: TaskModel | undefined;
  readonly folder: string;
  readonly signal: AbortSignal;
  /** One engine call. The engine then owns the buffers of the inputs. */
  infer(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  readonly progress: TaskProgress;
  /** So much of the sound that is the answer is written. */
  grown(sound: GrowingSound): void;
  /**
   * Asks for room for so many bytes of files, all of the task's together, before they are written.
   */
  reserve(bytes: number): Promise<void>;
  /** Reports what was measured, before the result or before a failure. */
  measured(measures: TaskMeasures): void;
  /** Runs a part of the work under a name; it becomes a span. */
  step<T>(name: string, act: () => T | Promise<T>): Promise<T>;
  /** The same for a part that waits for nothing. */
  stepNow<T>(name: string, act: () => T): T;
};

/** What is measured of every task, for metrics, span and log line. */
export type TaskMeasures = {
  /** Length of the sound taken or made. */
  readonly audioSeconds?: number;
  /** Samples of all channels that were made. */
  readonly generatedSamples?: number;
  /** Bytes of the files taken. */
  readonly fileBytes?: number;
  /** What is wrong with the output, and in how many channels or files. */
  readonly defects?: Readonly<Record<OutputDefect, number>>;
  readonly alloy?: string;
  readonly accuracy?: { readonly validationSet: string; readonly value: number };
};

export type OutputDefect = 'silence' | 'clipping' | 'not_finite';

export type TaskWork<Parameters> = (
  parameters: Parameters,
  files: readonly UploadedFile[],
  hands: TaskHands,
) => Promise<TaskResult>;
