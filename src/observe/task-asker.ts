import type { ThreadSettings } from '../engine/session-request.ts';
import type { InputShape } from '../engine/tensor.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { TaskWaits } from './flight/flight-record.ts';
import type { RequestRow } from './flight/request-row.ts';
import type { TaskStages } from './stages.ts';

/**
 * Who asked for a task, a request or a job, and is charged with its time. What stands here is what
 * flight records and models' metrics are made from.
 */
export type TaskAsker = {
  /** Absent when telemetry is off, and when the request is over before its task. */
  readonly row: RequestRow | undefined;
  servedBy: { name: string; version: string; threads?: ThreadSettings | undefined } | undefined;
  task: TaskKind | undefined;
  /** What the task has spent so far, while it is worked on. */
  spending: (() => TaskStages) | undefined;
  /** Of the engine call that failed. */
  inputs: readonly InputShape[] | undefined;
  /** Once it has ended. */
  waits: TaskWaits | undefined;
};
