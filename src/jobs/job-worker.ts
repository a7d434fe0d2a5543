import type { Config } from '../config.ts';
import { recordedReason, ServiceError } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import type { Attempt } from './attempt.ts';
import { endJob } from './end-job.ts';
import { endTimes } from './end-times.ts';
import { hasEnded, type Job } from './job.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { StoreChange } from './job-store.ts';
import { JobsElsewhere } from './jobs-elsewhere.ts';
import { fieldsOf, recordEnd } from './log-job.ts';
import { type AttemptParts, runAttempt } from './run-attempt.ts';
import type { Recovered } from './store-answers.ts';

export type JobWorkerParts = Omit<AttemptParts, 'config' | 'stopping'> & {
  readonly config: AttemptParts['config'] &
    Pick<Config, 'jobsRunningMax' | 'jobsOfKindRunningMax' | 'jobInterruptionsMax' | 'filesAbandonedMs'>;
  readonly metrics: JobMetrics;
};

/**
 * Works on the jobs of the store. What it takes it ends once: done, failed or cancelled, or it goes
 * back to the queue when the service stops. A process that is killed leaves its jobs marked as
 * running, and the next start puts them back.
 */
export class JobWorker {
  readonly #parts: JobWorkerParts;
  readonly #elsewhere: JobsElsewhere;
  readonly #stopping = new AbortController();
  #filling: Promise<void> | undefined;
  #fillAgain = false;
  #alarm: NodeJS.Timeout | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  #sweepingFiles: NodeJS.Timeout | undefined;
  #started = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: JobWorkerParts) {
    this.#parts = parts;
    this.#elsewhere = new JobsElsewhere(parts);
  }

  /** Puts back what a process before left running, removes the files it left, and begins to work. */
  async start(): Promise<void> {
    const { store, folders, files, config, metrics } = this.#parts;
    store.hear((change) => this.#hear(change));
    const recovered = await this.#recover().catch(nothingWhileUnreachable);
    // What all replicas reach is here as a copy only.
    const owned = files.isShared ? { live: [], done: [] } : recovered;
    await folders.sweep({ work: new Set(owned.live), results: owned.done });
    if (recovered.waiting > 0)
      log('app', 'info', `${recovered.waiting} jobs wait from before the start.`, {
        event_type: 'jobs_recovered',
        jobs: recovered.waiting,
      });
    // Once the store is closed there is nothing to observe; the last export of a stop comes after that.
    metrics.observe(async () => (store.trouble?.usable === false ? undefined : await store.standing(Date.now())));
    const everyMs = Math.min(60_000, Math.max(200, config.jobResultAgeMsMax / 4));
    this.#sweeping = setInterval(() => void this.#tidy(), everyMs).unref();
    const sweepMs = Math.min(3_600_000, config.filesAbandonedMs);
    if (files.isShared) this.#sweepingFiles = setInterval(() => void this.#sweepFiles(), sweepMs).unref();
    void this.#tidy();
    this.#started = true;
    this.wake();
  }

  /** Puts back what processes that have ended left running. */
  async #recover(): Promise<Recovered> {
    const { store, files, config, metrics } = this.#parts;
    const { jobInterruptionsMax: interruptionsMax } = config;
    const recovered = await store.recover({ interruptionsMax, ...endTimes(this.#parts) });
    for (const job of recovered.ended) {
      recordEnd(job, metrics);
      await files.removeUploads(job.id);
    }
    if (recovered.suspects > 0)
      log(
        'app',
        'warn',
        `A process ended while jobs were worked on: ${recovered.suspects} of them are done one at a time, with nothing beside them.`,
        { event_type: 'jobs_suspected', jobs: recovered.suspects },
      );
    return recovered;
  }

  #hear(change: StoreChange): void {
    const { live } = this.#parts;
    switch (change.kind) {
      case 'work':
        this.wake();
        break;
      case 'cancel':
        live.attemptAt(change.id)?.giveUp('cancelled');
        break;
      case 'event':
        void this.#elsewhere.hear(change);
        break;
      case 'process_lost':
        this.#recover().then(() => this.wake(), logNotRecovered);
        break;
      case 'superseded':
        for (const id of change.ids) live.attemptAt(id)?.giveUp('superseded');
    }
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * Takes no more jobs and gives back the running ones; resolves when none runs any more. After a
   * defect nothing is given back: the next start finds the jobs as after a kill, and finds out which
   * was the cause.
   */
  stop({ byDefect = false }: { byDefect?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#stop(byDefect);
    return this.#stopped;
  }

  async #stop(byDefect: boolean): Promise<void> {
    const { store, live } = this.#parts;
    this.#stopping.abort();
    clearTimeout(this.#alarm);
    clearInterval(this.#sweeping);
    clearInterval(this.#sweepingFiles);
    this.#elsewhere[Symbol.dispose]();
    // First: work that does not end in time is no less given back in order.
    const excused = byDefect ? undefined : store.excuse().catch(logNotExcused);
    for (const attempt of live.attempts) attempt.giveUp(byDefect ? 'defect' : 'stopping');
    await this.#filling;
    await Promise.all(live.attempts.map(({ over }) => over));
    await excused;
  }

  /**
   * One fill at a time; a wake during one makes it look once more. Before the start nothing is begun:
   * what the process before left goes first.
   */
  wake(): void {
    if (!this.#started || this.isStopping) return;
    if (this.#filling) {
      this.#fillAgain = true;
      return;
    }
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
      if (!this.#fillAgain) return;
      this.#fillAgain = false;
      this.wake();
    });
  }

  /**
   * Begins jobs while there are places and jobs for them, then sets the alarm for one that waits for
   * its time.
   */
  async #fill(): Promise<void> {
    const { store, config, clock, live } = this.#parts;
    clearTimeout(this.#alarm);
    try {
      let dueMs = clock.now();
      while (live.count < config.jobsRunningMax && !this.isStopping) {
        dueMs = clock.now();
        const jobs = await store.take({ ...this.#places(), nowMs: dueMs, startedMs: Date.now() });
        if (jobs.length === 0) break;
        for (const job of jobs) this.#begin(job);
      }
      // What is due then has no place, and is woken for when one is free.
      if (live.count >= config.jobsRunningMax) return;
      // What became due since it was looked at last is woken for too.
      const nextAtMs = await store.nextAtMs(dueMs);
      if (nextAtMs !== undefined) this.#wakeIn(Math.max(0, nextAtMs - clock.now()));
    } catch (error) {
      // The store has logged why; jobs wait until it works again.
      log('app', 'warn', `Jobs cannot be begun: ${recordedReason(error)}`, {
        event_type: 'jobs_stalled',
      });
      this.#wakeIn(storeRetryMs);
    }
  }

  #wakeIn(ms: number): void {
    this.#alarm = setTimeout(() => this.wake(), Math.min(ms + 1, 2 ** 31 - 1)).unref();
  }

  #places() {
    const { live, config } = this.#parts;
    const { jobsRunningMax, jobsOfKindRunningMax: placesOfKind } = config;
    const running = Map.groupBy(live.attempts, ({ job }) => job.request.kind);
    const placesLeft = Object.fromEntries([...running].map(([kind, of]) => [kind, placesOfKind - of.length]));
    return { places: jobsRunningMax - live.count, placesOfKind, placesLeft };
  }

  #begin(job: Job): void {
    const { live } = this.#parts;
    const attempt = live.begin(job);
    if (this.isStopping) attempt.giveUp('stopping');
    attempt.over = this.#work(attempt).finally(() => {
      live.end(attempt);
      this.wake();
    });
  }

  /** Never rejects. */
  async #work(attempt: Attempt): Promise<void> {
    const settled = await runAttempt(attempt, { ...this.#parts, stopping: this.#stopping.signal });
    if (!settled) return;
    const { id, attempt: number } = attempt.job;
    // A result that the store did not take is nobody's.
    if (settled.job?.state !== 'done' || settled.job.result?.attempt !== number)
      await this.#parts.files.removeAttempt(id, number);
    await this.#settled(attempt, settled.job);
  }

  /** What follows from the store's word. */
  async #settled(attempt: Attempt, job: Job | undefined): Promise<void> {
    if (job?.attempt !== attempt.job.attempt) {
      log('app', 'warn', 'An attempt at a job ended when another had begun; it counts for nothing.', {
        event_type: 'job_attempt_superseded',
        ...fieldsOf(attempt.job),
      });
      return;
    }
    attempt.job = job;
    if (hasEnded(job)) await endJob(job, this.#parts);
    else this.#parts.live.announceState(attempt);
  }

  /** Removes files that no job owns from where all replicas reach them. */
  async #sweepFiles(): Promise<void> {
    const { store, files } = this.#parts;
    await files
      .sweep((ids, which) => store.known(ids, which))
      .catch((error: unknown) =>
        log('app', 'warn', `Files without a job could not be removed: ${recordedReason(error)}`, {
          event_type: 'files_not_swept',
        }),
      );
  }

  /** Forgets what is past its time, and removes what could not be removed before. */
  async #tidy(): Promise<void> {
    const { store, folders, files, clock } = this.#parts;
    try {
      for (const id of await store.expire(clock.now(), 1_000)) await files.removeResult(id);
    } catch (error) {
      log('app', 'warn', `Results past their time could not be forgotten: ${recordedReason(error)}`, {
        event_type: 'job_expiry_failed',
      });
    }
    await folders.tryAgain();
  }
}

const storeRetryMs = 5_000;

/** The store says by itself when it can be used, and what there is to put back then. */
function nothingWhileUnreachable(error: unknown): Recovered {
  if (!(error instanceof ServiceError) || error.code !== 'database_unreachable') throw error;
  return { waiting: 0, suspects: 0, ended: [], live: [], done: [] };
}

function logNotRecovered(error: Error): void {
  log('app', 'warn', `The jobs of a process that ended could not be put back: ${recordedReason(error)}`, {
    event_type: 'jobs_not_recovered',
  });
}

function logNotExcused(error: Error): void {
  log('app', 'warn', `It could not be kept that the service stops in order: ${recordedReason(error)}`, {
    event_type: 'stop_not_kept',
  });
}
