import type { TaskKind } from '../task-kinds.ts';

/**
 * A file that came with the task, in the folder of its work. `name` is what the caller called it:
 * for reports, never a path.
 */
export type UploadedFile = {
  readonly field: string;
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
};

/**
 * Serializable, so that a job can keep it. `parameters` follow the kind's schema in
 * task-parameters.ts.
 */
export type TaskRequest = {
  readonly kind: TaskKind;
  readonly parameters: Record<string, unknown>;
  readonly files: readonly UploadedFile[];
};

/** Called whenever a task makes progress; `total` is 0 while it is not known. */
export type TaskProgress = (done: number, total: number, step: string) => void;

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
