import type { FailureCode } from '../errors.ts';
import type { TaskRequest } from '../tasks/task-types.ts';
import type { Ids } from '../telemetry/ids.ts';

export const jobStates = ['waiting', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

/** How far the work is, in steps of its own (chunks, diffusion steps, files). */
export type JobProgress = { readonly done: number; readonly total: number; readonly step: string };

/**
 * What a job leaves: its files are kept under these names; the first is the result itself.
 */
export type JobResult = {
  /** Its files lie under the number of the attempt that made them; versions before wrote none. */
  readonly attempt?: number;
  readonly files: readonly {
    readonly name: string;
    readonly contentType: string;
    readonly sizeBytes: number;
    /** Where it lies with others' files. */
    readonly sha256?: string;
  }[];
  readonly facts: Record<string, unknown>;
};

/**
 * Work that outlives its request, as the store keeps it. Times are milliseconds since 1970 by the
 * clock on the wall, for people to read; only the end of its time to live decides something, and is
 * one of the data folder's clock.
 */
export type Job = {
  readonly id: string;
  readonly tenant: string;
  readonly state: JobState;
  readonly request: TaskRequest;
  /** The request that made it: the job's span links to it. */
  readonly madeBy: Ids;
  /** The job's own trace, the same for all its attempts, whichever process makes them. */
  readonly trace: Ids;
  /** Counts every time it was begun; who finishes it has to name the one it began. */
  readonly attempt: number;
  /**
   * Failed attempts that may be repeated, attempts without room or disk, and ends of a process in
   * which it ran alone.
   */
  readonly failures: number;
  readonly stalls: number;
  readonly interruptions: number;
  /**
   * It was being worked on when a process ended, and has not shown since that it was not the cause:
   * it runs alone.
   */
  readonly suspect: boolean;
  readonly createdMs: number;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly expiresMs: number | undefined;
  readonly cancelWanted: boolean;
  /** It is forgotten as soon as it has ended. */
  readonly deleteWanted: boolean;
  readonly progress: JobProgress | undefined;
  readonly result: JobResult | undefined;
  readonly failure: JobFailure | undefined;
};

/**
 * `recorded` is the message without the caller's words, for logs; rows of older versions have none.
 */
export type JobFailure = { readonly code: FailureCode; readonly message: string; readonly recorded?: string };

export type NewJob = Pick<Job, 'id' | 'tenant' | 'request' | 'madeBy' | 'trace' | 'createdMs'> & {
  /**
   * The same key again gets this job instead of a second one; `fingerprint` identifies the request.
   */
  readonly idempotency: { readonly key: string; readonly fingerprint: string } | undefined;
};

/**
 * Why an attempt goes back to the queue: nothing of that is an end. `stalled`: there was no room,
 * or the disk could not be used.
 */
export type GivenBack = 'stopping' | 'failed' | 'stalled';

/** How a job ends that was alone in too many processes which ended. */
export function interrupted(interruptionsMax: number): JobFailure {
  return {
    code: 'job_interrupted',
    message: `Cannot finish the job: the process ended ${interruptionsMax} times while nothing but it was worked on; look for why in the log, and raise VITRINE_JOB_INTERRUPTIONS_MAX if it was not this job.`,
  };
}

/** How an attempt ended for good. */
export type JobEnd =
  | { readonly state: 'done'; readonly result: JobResult }
  | { readonly state: 'failed'; readonly failure: JobFailure }
  | { readonly state: 'cancelled' };

export function bytesOf({ files }: JobResult): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

export function hasEnded(job: Pick<Job, 'state'>): boolean {
  return job.state !== 'waiting' && job.state !== 'running';
}
