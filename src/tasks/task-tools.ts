import type { Context } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { InferAnswer, InferRequest } from '../engine/inference.ts';
import type { Registry } from '../engine/registry/registry.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { TaskAsker } from '../observe/task-asker.ts';
import type { LogFields } from '../telemetry/logger.ts';
import type { GrowingSound } from './growing-sound.ts';
import type { TaskMetrics } from './task-metrics.ts';
import type { TaskProgress, TaskResult } from './task-types.ts';
import type { TaskMeasures } from './task-work.ts';
import type { Stretch } from './threads/task-clock.ts';
import type { TaskOrder } from './threads/thread-messages.ts';

/**
 * What a task works with. The caller owns everything, and empties the folder whatever the outcome.
 */
export type TaskTools = {
  readonly config: Config;
  readonly registry: Registry;
  readonly threads: TaskRunner;
  readonly metrics: TaskMetrics;
  /** Scratch, and where results are left. */
  readonly folder: string;
  /** Aborted when nobody waits for the result any more: the task is given up. */
  readonly signal: AbortSignal;
  /** In the milliseconds of performance.now(). */
  readonly deadlineAt: number;
  /** Left out: by the server. */
  readonly deadlineSetBy?: 'caller' | 'server';
  readonly progress: TaskProgress;
  /** Who hears a sound while it is made: so much of its file is written. */
  readonly grown?: ((sound: GrowingSound) => void) | undefined;
  /**
   * Room for so many bytes in the folder, all of the task's files together; asked for before they are
   * written. Rejects where there is none.
   */
  readonly reserve: (bytes: number) => Promise<void>;
  /** Who asked: the client's name, for what it cost. */
  readonly tenant: string;
  /** The request or the job that asked for it; absent: nothing is charged. */
  readonly asker?: TaskAsker | undefined;
  /** Parent of its spans, and the trace of its log line. */
  readonly context: Context;
  /** Whether the answer may name a model that could do it instead; left out: it names none. */
  readonly mayName?: (model: string) => boolean;
  /** What its log line says besides: which request, job or sample it belongs to. */
  readonly belongsTo?: LogFields;
};

/** Runs the work of tasks: the threads of src/tasks/threads/. */
export type TaskRunner = {
  run(order: TaskOrder, tools: TaskTools & { readonly record: TaskRecord }): Promise<TaskResult>;
};

/** Progress reports of the work; spans and the time account are made from them. */
export type TaskRecord = {
  measured(measures: TaskMeasures): void;
  /** The model that works for the task, once it is known to exist. */
  uses(model: ModelInUse): void;
  /** The task waits for a thread; it has one that has begun when the first stretches come. */
  waitsForThread(): void;
  /** The order is given to a thread, which may have to start first. */
  givenToThread(): void;
  spent(stretches: readonly Stretch[]): void;
  engineCall(inputs: readonly Tensor[], call: (followed: Followed) => Promise<InferAnswer>): Promise<InferAnswer>;
};

/** Whom the engine charges for a call, and who hears how far it got. */
export type Followed = Required<Pick<InferRequest, 'tenant' | 'follower' | 'by'>>;

/** The model of a task, as flight records have it. */
export type ModelInUse = NonNullable<TaskAsker['servedBy']>;
