import type { Context } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { Registry } from '../engine/registry/registry.ts';
import type { LogFields } from '../telemetry/logger.ts';
import { accountForTask, type TaskAsker } from './account-for-task.ts';
import { type TaskKind, taskKinds } from './task-kinds.ts';
import type { TaskMetrics } from './task-metrics.ts';
import { modelForTask } from './task-model.ts';
import { checkParameters, modelOf } from './task-parameters.ts';
import type { TaskThreads } from './threads/task-threads.ts';

export { type TaskKind, taskKinds };

/** A file that came with the task, in the folder of its work. `name` is what the caller called it: for reports, never a path. */
export type UploadedFile = {
  readonly field: string;
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
};

/** Serializable, so that a job can keep it. `parameters` are those of the kind's schema in task-parameters.ts. */
export type TaskRequest = {
  readonly kind: TaskKind;
  readonly parameters: Record<string, unknown>;
  readonly files: readonly UploadedFile[];
};

/** Told as often as a task gets on; `total` is 0 while it is not known. */
export type TaskProgress = (done: number, total: number, step: string) => void;

/** What a task works with. Whoever calls owns all of it: the folder is emptied by its owner, whatever became of the task. */
export type TaskTools = {
  readonly config: Config;
  readonly registry: Registry;
  readonly threads: TaskThreads;
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
  /** Room for so many bytes in the folder, all of the task's files together; asked for before they are written. Rejects where there is none. */
  readonly reserve: (bytes: number) => Promise<void>;
  /** Who asked: the client's name, for what it cost. */
  readonly tenant: string;
  /** The request or the job that asked for it; absent: nobody keeps an account of it. */
  readonly asker?: TaskAsker | undefined;
  /** Parent of its spans, and the trace of its log line. */
  readonly context: Context;
  /** Whether the answer may name a model that could do it instead; left out: it names none. */
  readonly mayName?: (model: string) => boolean;
  /** What its log line says besides: which request, job or sample it belongs to. */
  readonly belongsTo?: LogFields;
};

export type ResultFile = { readonly name: string; readonly contentType: string; readonly file: string };

export type TaskResult = {
  readonly contentType: string;
  /** In the folder. */
  readonly file: string;
  /** What to call it when it is kept. */
  readonly fileName: string;
  /** Further files that can be had one by one: stems. */
  readonly parts?: readonly ResultFile[];
  /** JSON: statistics that were measured, scores, durations. */
  readonly facts: Record<string, unknown>;
};

/**
 * Does one task: the checks that need no work first, then the work in a thread of its own. When it settles, in whatever way, nothing of it is
 * running any more and the folder may be removed. Every outcome is counted, traced and logged here.
 */
export async function runTask(request: TaskRequest, tools: TaskTools): Promise<TaskResult> {
  const checked = { ...request, parameters: checkParameters(request.kind, request.parameters, tools.config) };
  return accountForTask(checked, modelOf(request.kind, checked.parameters), tools, (told) => {
    const model = modelForTask(checked, tools.registry, tools.mayName);
    if (model) told.uses(tools.registry.find(model.name, model.version));
    return tools.threads.run({ request: checked, model }, { ...tools, told });
  });
}
