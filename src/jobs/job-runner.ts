import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { type FailureCode, ServiceError } from '../errors.ts';
import { asDiskFailure } from '../resilience/disk-failure.ts';
import type { SteadyClock } from '../steady-clock.ts';
import type { TaskProgress, TaskResult } from '../tasks/task.ts';
import { newIds } from '../telemetry/ids.ts';
import { log } from '../telemetry/logger.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { inSpan } from '../telemetry/spans.ts';
import { hasEnded, type Job, type JobEnd, type JobProgress, type NewJob } from './job.ts';
import { endNumber, JobEvents } from './job-events.ts';
import type { JobMetrics } from './job-metrics.ts';
import { makeJobSpan } from './job-span.ts';
import type { Added, JobStore } from './job-store.ts';
import { keepResult } from './keep-result.ts';
import { restOfJobMs } from './rest-of-job.ts';
import type { WorkFolders } from './work-folders.ts';

/** Does the work of one attempt. It has settled only when nothing of it runs any more. */
export type Perform = (
  job: Job,
  tools: {
    /** The job's own folder, where its uploads lie. */
    readonly work: string;
    /** Of this attempt: scratch, and where results are left. */
    readonly folder: string;
    readonly signal: AbortSignal;
    readonly deadlineAt: number;
    readonly progress: TaskProgress;
    readonly context: Context;
  },
) => Promise<TaskResult>;

type RunnerConfig = Pick<
  Config,
  | 'jobsMax'
  | 'jobsOfTenantMax'
  | 'jobsRunningMax'
  | 'jobsOfKindRunningMax'
  | 'jobMsMax'
  | 'jobInterruptionsMax'
  | 'jobResultAgeMsMax'
  | 'retryAttemptsMax'
  | 'retryWaitMsFirst'
>;

export type JobRunnerParts = {
  readonly config: RunnerConfig;
  readonly clock: SteadyClock;
  readonly store: JobStore;
  readonly folders: WorkFolders;
  readonly metrics: JobMetrics;
  readonly perform: Perform;
};

/**
 * Works on the jobs of the store. What it takes it ends once: done, failed or cancelled, or it goes back to the queue when the service stops. A
 * process that is killed leaves its jobs marked as running, and the next start puts them back.
 */
export class JobRunner {
  readonly events = new JobEvents();
  readonly #parts: JobRunnerParts;
  readonly #running = new Map<string, Attempt>();
  readonly #stopping = new AbortController();
  #filling: Promise<void> | undefined;
  #fillAgain = false;
  #alarm: NodeJS.Timeout | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  #started = false;

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
  }

  /** Puts back what a process before left running, removes the files it left, and begins to work. */
  async start(): Promise<void> {
    const { store, folders, config, metrics } = this.#parts;
    const recovered = await store.recover({ interruptionsMax: config.jobInterruptionsMax, ...this.#times() });
    await folders.sweep({ work: new Set(recovered.live), results: new Set(recovered.done) });
    for (const job of recovered.ended) this.#tellEnded(job);
    if (recovered.waiting > 0)
      log('app', 'info', `${recovered.waiting} jobs wait from before the start.`, {
        event_type: 'jobs_recovered',
        jobs: recovered.waiting,
      });
    // Once the store is closed there is nothing to tell; the last export of a stop comes after that.
    metrics.observe(async () => (store.trouble?.usable === false ? undefined : await store.standing(Date.now())));
    const everyMs = Math.min(60_000, Math.max(200, config.jobResultAgeMsMax / 4));
    this.#sweeping = setInterval(() => void this.#expire(), everyMs).unref();
    this.#started = true;
    this.#wake();
  }

  /** Takes a job whose files lie in the work folder of its id already. When this resolves as added, the job will be done. */
  async add(of: Omit<NewJob, 'createdMs' | 'trace'>): Promise<Added> {
    if (this.#stopping.signal.aborted)
      throw new ServiceError('not_ready', 'Cannot take the job: the service stops; send it again.', {
        retryAfterMs: 1000,
      });
    const { store, config } = this.#parts;
    const { jobsMax, jobsOfTenantMax: ofTenantMax } = config;
    const added = await store.add({ ...of, createdMs: Date.now(), trace: newIds() }, { jobsMax, ofTenantMax });
    if (added.kind === 'added') this.#wake();
    return added;
  }

  /** The job, with the progress of this moment. */
  async find(id: string): Promise<Job | undefined> {
    const job = await this.#parts.store.get(id);
    return job && this.#withProgress(job);
  }

  async list(of: { tenant: string | undefined; beforeMs: number; limit: number }): Promise<Job[]> {
    return (await this.#parts.store.list(of)).map((job) => this.#withProgress(job));
  }

  /** What waits is cancelled when this resolves; what runs is told to give up, and ends soon. What has ended stays as it is. */
  async cancel(id: string): Promise<Job | undefined> {
    const before = await this.#parts.store.get(id);
    const job = await this.#parts.store.cancel(id, this.#times());
    if (!job || !before || hasEnded(before)) return job;
    if (hasEnded(job)) {
      await this.#ended(job);
      return job;
    }
    this.#running.get(id)?.giveUp('cancelled');
    return this.#withProgress(job);
  }

  /** Forgets an ended job and its result. */
  async remove(id: string): Promise<boolean> {
    if (!(await this.#parts.store.remove(id))) return false;
    await this.#parts.folders.removeResult(id);
    return true;
  }

  /** Milliseconds until it is done, by what it has done so far, or by how long others of its kind took; undefined while nothing is known. */
  async estimateMs(job: Job, now = Date.now()): Promise<number | undefined> {
    if (hasEnded(job)) return undefined;
    const { store, config } = this.#parts;
    if (job.state === 'running') {
      const restMs = restOfJobMs(job, now);
      if (restMs !== undefined) return restMs;
      const meanMs = (await store.standing(now)).workMs[job.request.kind];
      return meanMs === undefined ? undefined : Math.max(0, meanMs - (now - (job.startedMs ?? now)));
    }
    const [{ workMs }, ahead] = await Promise.all([store.standing(now), store.ahead(job.id)]);
    const meanMs = workMs[job.request.kind];
    return meanMs === undefined ? undefined : meanMs * (1 + Math.ceil(ahead / config.jobsRunningMax));
  }

  /** How many would be begun before it; undefined of one that does not wait. */
  async ahead(job: Job): Promise<number | undefined> {
    return job.state === 'waiting' ? this.#parts.store.ahead(job.id) : undefined;
  }

  /** What is not well with the jobs' database; undefined when all is. */
  get storeTrouble(): JobStore['trouble'] {
    return this.#parts.store.trouble;
  }

  /** Takes nothing more and gives back what it works on; resolves when none of it runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#alarm);
    clearInterval(this.#sweeping);
    for (const attempt of this.#running.values()) attempt.giveUp('stopping');
    await this.#filling;
    await Promise.all([...this.#running.values()].map(({ over }) => over));
  }

  /** One fill at a time; a wake during one makes it look once more. Before the start nothing is begun: what the process before left goes first. */
  #wake(): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    if (this.#filling) {
      this.#fillAgain = true;
      return;
    }
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
      if (!this.#fillAgain) return;
      this.#fillAgain = false;
      this.#wake();
    });
  }

  /** Begins jobs while there are places and jobs for them, then sets the alarm for one that waits for its time. */
  async #fill(): Promise<void> {
    const { store, config } = this.#parts;
    clearTimeout(this.#alarm);
    try {
      while (this.#running.size < config.jobsRunningMax && !this.#stopping.signal.aborted) {
        const job = await store.take({ kindsFull: this.#kindsFull(), nowMs: Date.now() });
        if (!job) break;
        const attempt = new Attempt(job);
        this.#running.set(job.id, attempt);
        if (this.#stopping.signal.aborted) attempt.giveUp('stopping');
        attempt.over = this.#work(attempt).finally(() => {
          this.#running.delete(job.id);
          this.#wake();
        });
      }
      const { nextAtMs } = await store.standing(Date.now());
      if (nextAtMs !== undefined && nextAtMs > Date.now()) this.#wakeIn(nextAtMs - Date.now());
    } catch (error) {
      // The store has told why; jobs wait until it works again.
      log('app', 'warn', `Jobs cannot be begun: ${error instanceof Error ? error.message : String(error)}`, {
        event_type: 'jobs_stalled',
      });
      this.#wakeIn(storeRetryMs);
    }
  }

  #wakeIn(ms: number): void {
    this.#alarm = setTimeout(() => this.#wake(), Math.min(ms + 1, 2 ** 31 - 1)).unref();
  }

  #kindsFull(): string[] {
    const counts = Map.groupBy(this.#running.values(), ({ job }) => job.request.kind);
    return [...counts].flatMap(([kind, of]) => (of.length >= this.#parts.config.jobsOfKindRunningMax ? [kind] : []));
  }

  /** One attempt, from its folder to its end in the store. Never rejects. */
  async #work(attempt: Attempt): Promise<void> {
    const { job } = attempt;
    const { folders } = this.#parts;
    this.#tell(attempt, 'state');
    const folder = join(folders.pathOf(job.id), `attempt-${job.attempt}`);
    let outcome: Outcome;
    try {
      await mkdir(folder, { recursive: true });
      // Given up while its folder was made: nobody would hear of it any more.
      attempt.signal.throwIfAborted();
      const result = await this.#perform(attempt, folder);
      outcome = { state: 'done', result: await keepResult(result, folder, folders.resultPathOf(job.id)) };
    } catch (error) {
      outcome = this.#outcomeOf(asDiskFailure(error), attempt);
    }
    await rm(folder, { recursive: true, force: true }).catch((error: Error) =>
      log('app', 'warn', `A temporary folder of a job could not be removed: ${error.message}`, {
        event_type: 'work_not_removed',
        'job.id': job.id,
      }),
    );
    await this.#insist(attempt, () => this.#settle(attempt, outcome));
  }

  #perform(attempt: Attempt, folder: string): Promise<TaskResult> {
    const { job } = attempt;
    const { config, folders, perform } = this.#parts;
    const attributes = { 'job.id': job.id, 'job.attempt': job.attempt, tenant: job.tenant };
    const parent = contextOf(job);
    return inSpan('jobStep', { attributes, parent }, async (span) => {
      const overtime = setTimeout(() => attempt.giveUp('overtime'), config.jobMsMax).unref();
      try {
        return await perform(job, {
          work: folders.pathOf(job.id),
          folder,
          signal: attempt.signal,
          deadlineAt: performance.now() + config.jobMsMax,
          progress: (done, total, step) => this.#progress(attempt, { done, total, step }),
          context: trace.setSpan(parent, span),
        });
      } finally {
        clearTimeout(overtime);
      }
    });
  }

  #outcomeOf(error: unknown, { job, gaveUp }: Attempt): Outcome {
    switch (gaveUp) {
      case 'cancelled':
        return { state: 'cancelled' };
      case 'stopping':
        return { state: 'waiting', because: 'stopping', waitMs: 0 };
      case 'overtime':
        return failed(
          'deadline_exceeded',
          `Cannot finish the job: it took longer than ${this.#parts.config.jobMsMax} ms; send less at once, or raise VITRINE_JOB_MS_MAX.`,
        );
      case undefined:
    }
    if (!(error instanceof ServiceError)) {
      reportDefect('job', error, { 'job.id': job.id }, contextOf(job));
      return failed(
        'internal',
        'Cannot finish the job: a defect in Vitrine; its log has the cause under this trace id.',
      );
    }
    const { retryAttemptsMax, retryWaitMsFirst } = this.#parts.config;
    const again = error.retryable && error.code !== 'deadline_exceeded' && job.failures + 1 < retryAttemptsMax;
    if (!again) return failed(error.code, error.message);
    const waitMs = Math.max(retryWaitMsFirst * 2 ** job.failures, error.retryAfterMs ?? 0);
    log(
      'app',
      'warn',
      `A job failed and is tried again in ${Math.round(waitMs / 1000)} s: ${error.message}`,
      { event_type: 'job_retry', ...fieldsOf(job), 'error.type': error.code },
      contextOf(job),
    );
    return { state: 'waiting', because: 'failed', waitMs };
  }

  async #settle(attempt: Attempt, outcome: Outcome): Promise<void> {
    const { job } = attempt;
    const { store, folders } = this.#parts;
    if (outcome.state === 'waiting') {
      await store.giveBack(job.id, job.attempt, outcome.because, Date.now() + outcome.waitMs);
      const given = await store.get(job.id);
      // It may have been cancelled in between, when nobody was working on it.
      if (given) attempt.job = given;
      if (given?.state === 'waiting' && given.cancelWanted) await this.cancel(job.id);
      else this.#tell(attempt, 'state');
      return;
    }
    if (!(await store.finish(job.id, job.attempt, outcome, this.#times()))) {
      if (outcome.state === 'done') await folders.removeResult(job.id);
      return;
    }
    const ended = await store.get(job.id);
    if (ended) await this.#ended(ended);
  }

  /** The end of a job has to get onto the disk: as long as it does not, the job is not over. */
  async #insist(attempt: Attempt, act: () => Promise<void>): Promise<void> {
    for (let waitMs = 500; ; waitMs = Math.min(30_000, waitMs * 2)) {
      try {
        await act();
        return;
      } catch (error) {
        log('app', 'error', `The end of a job could not be kept: ${error instanceof Error ? error.message : error}`, {
          event_type: 'job_end_not_kept',
          ...fieldsOf(attempt.job),
        });
        // The next start finds it as running and does it again.
        if (this.#stopping.signal.aborted) return;
        await pause(waitMs, undefined, { signal: this.#stopping.signal }).catch(ignoreAbort);
      }
    }
  }

  async #ended(job: Job): Promise<void> {
    this.#tellEnded(job);
    this.events.tell(job.id, { kind: 'state', attempt: job.attempt, number: endNumber, job });
    this.events.forget(job.id);
    await this.#parts.folders.remove(job.id);
  }

  #tellEnded(job: Job): void {
    this.#parts.metrics.ended(job);
    makeJobSpan(job);
    const tookMs = (job.endedMs ?? job.createdMs) - job.createdMs;
    log(
      'app',
      job.state === 'failed' ? 'warn' : 'info',
      `The job is ${job.state}: ${job.request.kind}, ${tookMs} ms after it was accepted${job.failure ? `; ${job.failure.message}` : ''}`,
      {
        event_type: 'job_ended',
        ...fieldsOf(job),
        status: job.state,
        duration_ms: tookMs,
        ...(job.failure && { 'error.type': job.failure.code }),
      },
      contextOf(job),
    );
  }

  #progress(attempt: Attempt, progress: JobProgress): void {
    attempt.progress = progress;
    const now = performance.now();
    if (now - attempt.toldAt >= eventEveryMs || progress.done === progress.total) {
      attempt.toldAt = now;
      this.#tell(attempt, 'progress');
    }
    if (now - attempt.keptAt < keepProgressEveryMs) return;
    attempt.keptAt = now;
    const { id, attempt: number } = attempt.job;
    // Only a hint for those who ask after a restart.
    this.#parts.store
      .progress(id, number, progress)
      .catch((error: Error) =>
        log('app', 'debug', `The progress of a job was not kept: ${error.message}`, { event_type: 'job_progress' }),
      );
  }

  #tell(attempt: Attempt, kind: 'state' | 'progress'): void {
    attempt.events += 1;
    const job = this.#withProgress(attempt.job);
    this.events.tell(job.id, { kind, attempt: job.attempt, number: attempt.events, job });
  }

  #withProgress(job: Job): Job {
    const attempt = this.#running.get(job.id);
    return attempt?.progress && job.state === 'running' && attempt.job.attempt === job.attempt
      ? { ...job, progress: attempt.progress }
      : job;
  }

  async #expire(): Promise<void> {
    try {
      const ids = await this.#parts.store.expire(Date.now(), 1_000);
      for (const id of ids) await this.#parts.folders.removeResult(id);
    } catch (error) {
      log('app', 'warn', `Results past their time could not be removed: ${(error as Error).message}`, {
        event_type: 'job_expiry_failed',
      });
    }
  }

  #times(): { nowMs: number; expiresMs: number } {
    const nowMs = Date.now();
    return { nowMs, expiresMs: nowMs + this.#parts.config.jobResultAgeMsMax };
  }
}

type GaveUp = 'cancelled' | 'stopping' | 'overtime';

type Outcome = JobEnd | { readonly state: 'waiting'; readonly because: 'stopping' | 'failed'; readonly waitMs: number };

/** A job that is being worked on. */
class Attempt {
  job: Job;
  progress: JobProgress | undefined;
  events = 0;
  toldAt = Number.NEGATIVE_INFINITY;
  keptAt = performance.now();
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

const eventEveryMs = 100;
const keepProgressEveryMs = 2_000;
const storeRetryMs = 5_000;

function contextOf({ trace: ids }: Job): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED });
}

function fieldsOf({ id, request, attempt, tenant }: Job) {
  return { 'job.id': id, kind: request.kind, attempt, tenant };
}

function failed(code: FailureCode, message: string): JobEnd {
  return { state: 'failed', failure: { code, message } };
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
