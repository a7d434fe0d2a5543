import type { GivenBack, Job, JobEnd, JobProgress, NewJob } from './job.ts';
import type { JobEvent } from './job-events.ts';
import type { Added, AddLimits, EndTimes, JobPage, Recovered, Standing } from './store-answers.ts';

/**
 * The jobs, in whichever database. A change is durable when its promise resolves, and none is half
 * made. An attempt is named by its number: what a former attempt says changes nothing.
 */
export type JobStore = AsyncDisposable & {
  /** Undefined when it works. */
  readonly trouble: StoreTrouble | undefined;
  /**
   * Of a database that several replicas work on: its time, by which leases, waits and results end. A
   * replica alone has the clock of its data folder.
   */
  readonly clock: JobClock | undefined;

  add(job: NewJob, limits: AddLimits): Promise<Added>;
  get(id: string): Promise<Job | undefined>;
  /** The newest first, and within a millisecond by id; of all tenants where none is named. */
  list(page: JobPage): Promise<Job[]>;
  /**
   * Begins next attempts, at least one where there is a job for it: of the tenant with the fewest
   * running, the oldest job that may run now. A suspect goes before all, and alone in its process.
   */
  take(of: TakeNext): Promise<readonly Job[]>;
  progress(id: string, attempt: number, progress: JobProgress): Promise<void>;
  /** Ends the job if the attempt is the present one; answers how it stands. May be repeated. */
  finish(id: string, attempt: number, end: JobEnd, times: EndTimes): Promise<Job | undefined>;
  /** Back to the queue; cancelled if that was wanted meanwhile. May be repeated. */
  giveBack(id: string, attempt: number, of: GiveBack): Promise<Job | undefined>;
  /** Cancels what waits at once, and marks what runs. */
  cancel(id: string, times: EndTimes): Promise<WantedEnd | undefined>;
  /** As `cancel`, and forgets the job: at once where it has ended then, else when it ends. */
  delete(id: string, times: EndTimes): Promise<WantedEnd | undefined>;
  /** This process stops in order: whatever becomes of what it runs, the jobs are not the cause. */
  excuse(): Promise<void>;
  /**
   * What ran in processes that have ended goes back to the queue as suspect. A job that ran alone in
   * its process is charged with that end, and fails when that has happened too often.
   */
  recover(of: { readonly interruptionsMax: number } & EndTimes): Promise<Recovered>;
  /** Forgets jobs whose time to live is over; answers their ids. */
  expire(nowMs: number, limit: number): Promise<string[]>;
  /** Which of these there are: all, or those that have not ended. */
  known(ids: readonly string[], which: 'all' | 'live'): Promise<string[]>;
  /** `nowMs` by the clock on the wall. */
  standing(nowMs: number): Promise<Standing>;
  /** When the next job after `dueMs` that waits for its time may be begun. */
  nextAtMs(dueMs: number): Promise<number | undefined>;
  /** How many would be begun before this one. */
  ahead(id: string): Promise<number>;

  /** What other processes do to the jobs; never called where there is no other. */
  hear(listener: (change: StoreChange) => void): void;
  /** Sends an event of a job that this process works on to the others. */
  announce(event: JobEvent): void;
};

export type StoreTrouble = { readonly usable: boolean; readonly message: string };

/** Milliseconds that only go forward, and when that will be by the clock on the wall. */
export type JobClock = { now(): number; onWall(ms: number): number };

export type TakeNext = {
  /** Places: in all, for each kind, and for kinds of which some run here already. */
  readonly places: number;
  readonly placesOfKind: number;
  readonly placesLeft: Readonly<Record<string, number>>;
  readonly nowMs: number;
  readonly startedMs: number;
};

export type GiveBack = { readonly because: GivenBack; readonly notBeforeMs: number } & EndTimes;

/** The job as it then is, and whether it ended by this. */
export type WantedEnd = { readonly job: Job; readonly endedNow: boolean };

export type StoreChange =
  /** There may be something to begin. */
  | { readonly kind: 'work' }
  /** A caller wants the end of a job that this process works on. */
  | { readonly kind: 'cancel'; readonly id: string }
  /** A job that another process works on. */
  | {
      readonly kind: 'event';
      readonly id: string;
      readonly event: Omit<JobEvent, 'job'>;
      readonly progress: JobProgress | undefined;
    }
  /** A process has ended: `recover` has something to do. */
  | { readonly kind: 'process_lost' }
  /** The others took this process for ended: what it works on is no longer its own. */
  | { readonly kind: 'superseded'; readonly ids: readonly string[] };
