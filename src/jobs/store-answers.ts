import type { Job } from './job.ts';
import type { KeptResult } from './kept-results.ts';

// What the jobs' store is asked, and what it answers.

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
  readonly done: readonly KeptResult[];
};

export type Standing = {
  /** As this process reports it: one of several counts what waits, each what it runs. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly waiting: number;
    readonly running: number;
    readonly oldestMs: number;
  }[];
  /** Mean duration of the work of the last jobs done, in milliseconds, by kind. */
  readonly workMs: Readonly<Record<string, number>>;
  /** How many processes work on the jobs. */
  readonly processes: number;
};
