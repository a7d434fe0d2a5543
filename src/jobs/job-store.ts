import type { Job, JobEnd, JobProgress, NewJob } from './job.ts';

/**
 * Where jobs are kept. Every change is on disk when its promise resolves, and none is half made. An attempt is named by its number: what an
 * attempt that is no longer the present one says is not believed.
 */
export type JobStore = AsyncDisposable & {
  /** What is not well with it; undefined when all is. */
  readonly trouble: { readonly usable: boolean; readonly message: string } | undefined;
  add(job: NewJob, limits: AddLimits): Promise<Added>;
  get(id: string): Promise<Job | undefined>;
  /** The newest first; of all tenants where none is named. */
  list(of: { tenant: string | undefined; beforeMs: number; limit: number }): Promise<Job[]>;
  /** Begins the next attempt: of the tenant with the fewest running, the oldest job that may run now. */
  take(of: { kindsFull: readonly string[]; nowMs: number }): Promise<Job | undefined>;
  progress(id: string, attempt: number, progress: JobProgress): Promise<void>;
  /** False when the attempt is not the present one, so that a job ends once. */
  finish(id: string, attempt: number, end: JobEnd, times: { nowMs: number; expiresMs: number }): Promise<boolean>;
  /** Back to the queue, to be begun again at `notBeforeMs`. */
  giveBack(id: string, attempt: number, because: 'stopping' | 'failed', notBeforeMs: number): Promise<boolean>;
  /** Cancels what waits at once, and marks what runs; answers the job as it then is. */
  cancel(id: string, times: { nowMs: number; expiresMs: number }): Promise<Job | undefined>;
  /** What ran when the process before ended goes back to the queue, or fails when that has happened too often. */
  recover(of: { interruptionsMax: number; nowMs: number; expiresMs: number }): Promise<Recovered>;
  /** Forgets an ended job. */
  remove(id: string): Promise<boolean>;
  /** Forgets those whose time to live is over; answers their ids. */
  expire(nowMs: number, limit: number): Promise<string[]>;
  standing(nowMs: number): Promise<Standing>;
  /** How many would be begun before this one. */
  ahead(id: string): Promise<number>;
};

export type AddLimits = { readonly jobsMax: number; readonly ofTenantMax: number };

export type Added =
  | { readonly kind: 'added'; readonly job: Job }
  | { readonly kind: 'known'; readonly job: Job }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'full'; readonly what: 'all' | 'tenant'; readonly count: number };

export type Recovered = {
  readonly waiting: number;
  readonly ended: readonly Job[];
  /** Whose work folders and results are still needed. */
  readonly live: readonly string[];
  readonly done: readonly string[];
};

export type Standing = {
  readonly kinds: readonly {
    readonly kind: string;
    readonly waiting: number;
    readonly running: number;
    readonly oldestMs: number;
  }[];
  /** When the next job that waits for its time may be begun. */
  readonly nextAtMs: number | undefined;
  /** Mean seconds of work of the last jobs done, by kind. */
  readonly workMs: Readonly<Record<string, number>>;
};
