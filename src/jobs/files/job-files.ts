import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { TaskRequest, TaskResult } from '../../tasks/task-types.ts';
import type { Job, JobResult } from '../job.ts';

export type KeptFile = JobResult['files'][number];

/** Where the uploads and results of jobs lie: in this replica's folder, or where all reach them. */
export type JobFiles = {
  /** Whether other replicas reach them: then the folder of the work is only a copy. */
  readonly isShared: boolean;
  /** Stores what was uploaded into a folder; afterwards the job may be accepted. */
  keepUploads(id: string, folder: string, request: TaskRequest): Promise<TaskRequest>;
  /** Puts the uploads of a job into its folder, where an attempt finds them. */
  fetchUploads(job: Job, folder: string, signal: AbortSignal): Promise<void>;
  /** Stores what an attempt left in its folder, under the attempt's number. */
  keepResult(job: Job, result: TaskResult, folder: string, signal: AbortSignal): Promise<JobResult>;
  /** A file of a result: where it lies on this disk, its bytes, or a link to it. */
  open(job: Job, file: KeptFile, signal: AbortSignal): Promise<OpenedFile>;
  /** The following never reject: what cannot be removed now is removed later. */
  removeUploads(id: string): Promise<void>;
  removeResult(id: string): Promise<void>;
  /** What an attempt stored that counts for nothing. */
  removeAttempt(id: string, attempt: number): Promise<void>;
  /** Removes what belongs to no job. */
  sweep(known: KnownJobs): Promise<void>;
};

export type OpenedFile = { readonly handle: FileHandle } | { readonly bytes: Readable } | { readonly link: string };

/** Which of these the store knows: all of them, or those that have not ended. */
export type KnownJobs = (ids: readonly string[], which: 'all' | 'live') => Promise<readonly string[]>;
