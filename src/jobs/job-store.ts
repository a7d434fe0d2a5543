import type { GivenBack, Job, JobEnd, JobProgress, NewJob } from './job.ts';

/**
 * Where jobs are kept, and the only one that decides about them. Every change is on disk when its promise resolves, and none is half made. An attempt
 * is named by its number: what an attempt that is no longer the present one says is not believed. Whoever ends an attempt or gives it back is told how
 * the job stands then, and may say the same again.
 */
export type JobStore = AsyncDisposable & {
  /** What is not well with it; undefined when all is. */
  readonly trouble: { readonly usable: boolean; readonly message: string } | undefined;
  add(job: NewJob, limits: AddLimits): Promise<Added>;
  get(id: string): Promise<Job | undefined>;
  /** The newest first, and within a millisecond by id; of all tenants where none is named. */
  list(of: JobPage): Promise<Job[]>;
  /** Begins the next attempt: of the tenant with the fewest running, the oldest job that may run now. A suspect goes before all, and alone. */
  take(of: { kindsFull: readonly string[]; nowMs: number; startedMs: number }): Promise<Job | undefined>;
  progress(id: string, attempt: number, progress: JobProgress): Promise<void>;
  /** Ends the job if the attempt is the present one, so that a job ends once. */
  finish(id: string, attempt: number, end: JobEnd, times: EndTimes): Promise<Job | undefined>;
  /** Back to the queue, to be begun again at `notBeforeMs`; cancelled if somebody wanted that meanwhile. */
  giveBack(
    id: string,
    attempt: number,
    of: { because: GivenBack; notBeforeMs: number } & EndTimes,
  ): Promise<Job | undefined>;
  /** Cancels what waits at once, and marks what runs; answers the job as it then is, and whether it ended by this. */
  cancel(id: string, times: EndTimes): Promise<{ readonly job: Job; readonly endedNow: boolean } | undefined>;
  /** The process stops in order: whatever becomes of what runs, it is not the cause. */
  excuse(): Promise<void>;
  /**
   * What ran when the process before ended goes back to the queue as suspect. Where it was one alone it is charged with that end, and fails when that
   * has happened too often; of several, none is.
   */
  recover(of: { interruptionsMax: number } & EndTimes): Promise<Recovered>;
  /** Forgets an ended job. */
  remove(id: string): Promise<boolean>;
  /** Forgets those whose time to live is over; answers their ids. */
  expire(nowMs: number, limit: number): Promise<string[]>;
  /** `nowMs` by the clock on the wall; `dueMs`, by the data folder's, is the time up to which those that wait for theirs are passed over. */
  standing(nowMs: number, dueMs?: number): Promise<Standing>;
  /** How many would be begun before this one. */
  ahead(id: string): Promise<number>;
};

export type JobPage = {
  readonly tenant: string | undefined;
  /** What was made before this, and in the same millisecond what has an id behind `behindId`. */
  readonly beforeMs: number;
  readonly behindId?: string | undefined;
  readonly limit: number;
};

/** Now, by the clock on the wall; and the end of the time to live, by the data folder's clock. */
export type EndTimes = { readonly nowMs: number; readonly expiresMs: number };

export type AddLimits = { readonly jobsMax: number; readonly ofTenantMax: number };

export type Added =
  | { readonly kind: 'added'; readonly job: Job }
  | { readonly kind: 'known'; readonly job: Job }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'full'; readonly what: 'all' | 'tenant'; readonly count: number };

export type Recovered = {
  readonly waiting: number;
  /** How many of them run alone first, since the process before ended while they were worked on. */
  readonly suspects: number;
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
  /** Mean duration of the work of the last jobs done, in milliseconds, by kind. */
  readonly workMs: Readonly<Record<string, number>>;
};
