import type { Job, JobProgress } from './job.ts';

/** `superseded`: the process was taken for ended, and the job is another's. */
export type GaveUp = 'cancelled' | 'stopping' | 'overtime' | 'defect' | 'superseded';

/** A job that is being worked on. */
export class Attempt {
  job: Job;
  progress: JobProgress | undefined;
  /** How many events it has had. */
  events = 0;
  announcedAt = Number.NEGATIVE_INFINITY;
  keptAt = performance.now();
  /** Settles when the attempt has stopped. */
  over: Promise<void> = Promise.resolve();
  gaveUp: GaveUp | undefined;
  readonly #abort = new AbortController();

  constructor(job: Job) {
    this.job = job;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  giveUp(because: GaveUp): void {
    this.gaveUp ??= because;
    this.#abort.abort();
  }
}
