import { setTimeout as pause } from 'node:timers/promises';
import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { type FailureCode, failures, recordedReason, ServiceError } from '../errors.ts';
import { asDiskFailure } from '../resilience/disk-failure.ts';
import { say } from '../sentence.ts';
import type { SteadyClock } from '../steady-clock.ts';
import type { TaskProgress, TaskResult } from '../tasks/task-types.ts';
import { newIds } from '../telemetry/ids.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { inSpan } from '../telemetry/spans.ts';
import { type GivenBack, hasEnded, type Job, type JobEnd, type JobProgress, type NewJob } from './job.ts';
import { endNumber, JobEvents } from './job-events.ts';
import type { JobMetrics } from './job-metrics.ts';
import { makeJobSpan } from './job-span.ts';
import type { Added, EndTimes, JobPage, JobStore } from './job-store.ts';
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
    readonly reserve: (bytes: number) => Promise<void>;
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
 * process that is killed leaves its jobs marked as running, and the next start puts them back. An end is the store's word; what is told and tidied
 * after it can fail without anything happening to the job or its result.
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
  #stopped: Promise<void> | undefined;

  constructor(parts: JobRunnerParts) {
    this.#parts = parts;
  }

  /** Puts back what a process before left running, removes the files it left, and begins to work. */
  async start(): Promise<void> {
    const { store, folders, config, metrics } = this.#parts;
    const recovered = await store.recover({ interruptionsMax: config.jobInterruptionsMax, ...this.#times() });
    for (const job of recovered.ended) this.#tellEnded(job);
    await folders.sweep({ work: new Set(recovered.live), results: new Set(recovered.done) });
    if (recovered.waiting > 0)
      log('app', 'info', `${recovered.waiting} jobs wait from before the start.`, {
        event_type: 'jobs_recovered',
        jobs: recovered.waiting,
      });
    if (recovered.suspects > 0)
      log(
        'app',
        'warn',
        `The process before ended while jobs were worked on: ${recovered.suspects} of them are done one at a time, with nothing beside them.`,
        { event_type: 'jobs_suspected', jobs: recovered.suspects },
      );
    // Once the store is closed there is nothing to tell; the last export of a stop comes after that.
    metrics.observe(async () => (store.trouble?.usable === false ? undefined : await store.standing(Date.now())));
    const everyMs = Math.min(60_000, Math.max(200, config.jobResultAgeMsMax / 4));
    this.#sweeping = setInterval(() => void this.#tidy(), everyMs).unref();
    void this.#tidy();
    this.#started = true;
    this.#wake();
  }

  /** Takes a job whose files lie in the work folder of its id already. When this resolves as added, the job will be done. */
  async add(of: Omit<NewJob, 'createdMs' | 'trace'>): Promise<Added> {
    if (this.#stopping.signal.aborted)
      throw new ServiceError('not_ready', say`Cannot take the job: the service stops; send it again.`, {
        retryAfterMs: 1000,
      });
    const { store, config } = this.#parts;
    const { jobsMax, jobsOfTenantMax: ofTenantMax } = config;
    const added = await store.add({ ...of, createdMs: Date.now(), trace: newIds() }, { jobsMax, ofTenantMax });
    if (added.kind === 'added') this.#wake();
    return 'job' in added ? { ...added, job: this.#shown(added.job) } : added;
  }

  /** The job, with the progress of this moment. */
  async find(id: string): Promise<Job | undefined> {
    const job = await this.#parts.store.get(id);
    return job && this.#shown(job);
  }

  async list(of: JobPage): Promise<Job[]> {
    return (await this.#parts.store.list(of)).map((job) => this.#shown(job));
  }

  /** What waits is cancelled when this resolves; what runs is told to give up, and ends soon. What has ended stays as it is. */
  async cancel(id: string): Promise<Job | undefined> {
    const cancelled = await this.#parts.store.cancel(id, this.#times());
    if (!cancelled) return undefined;
    const { job, endedNow } = cancelled;
    if (endedNow) await this.#ended(job);
    else if (!hasEnded(job)) this.#running.get(id)?.giveUp('cancelled');
    return this.#shown(job);
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

  /** How long the database takes to answer; undefined of one that does not answer within a second. */
  async storeAnswerMs(): Promise<number | undefined> {
    const startedAt = performance.now();
    const late = new AbortController();
    const answered = this.#parts.store.get('').then(
      () => true,
      () => false,
    );
    const overtime = pause(storeAnswerMsMax, false, { signal: late.signal, ref: false }).catch(() => false);
    const isAnswered = await Promise.race([answered, overtime]);
    late.abort();
    return isAnswered ? performance.now() - startedAt : undefined;
  }

  /** Damaged databases of before, with what belongs to none of the jobs of now, as long as nobody has moved them away. */
  foldersSetAside(): Promise<string[]> {
    return this.#parts.folders.setAside();
  }

  /**
   * Takes nothing more and gives back what it works on; resolves when none of it runs any more. After a defect nothing is given back: the next start
   * finds it as after a kill, and finds out whether it was the cause.
   */
  stop({ byDefect = false }: { byDefect?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#stop(byDefect);
    return this.#stopped;
  }

  async #stop(byDefect: boolean): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#alarm);
    clearInterval(this.#sweeping);
    // Said first: work that does not end in time is no less given back in order.
    const excused = byDefect ? undefined : this.#parts.store.excuse().catch(this.#notExcused);
    for (const attempt of this.#running.values()) attempt.giveUp(byDefect ? 'defect' : 'stopping');
    await this.#filling;
    await Promise.all([...this.#running.values()].map(({ over }) => over));
    await excused;
  }

  readonly #notExcused = (error: Error) =>
    log('app', 'warn', `It could not be kept that the service stops in order: ${recordedReason(error)}`, {
      event_type: 'stop_not_kept',
    });

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
    const { store, config, clock } = this.#parts;
    clearTimeout(this.#alarm);
    try {
      let dueMs = clock.now();
      while (this.#running.size < config.jobsRunningMax && !this.#stopping.signal.aborted) {
        dueMs = clock.now();
        const job = await store.take({ kindsFull: this.#kindsFull(), nowMs: dueMs, startedMs: Date.now() });
        if (!job) break;
        const attempt = new Attempt(job);
        this.#running.set(job.id, attempt);
        if (this.#stopping.signal.aborted) attempt.giveUp('stopping');
        attempt.over = this.#work(attempt).finally(() => {
          this.#running.delete(job.id);
          this.#wake();
        });
      }
      // What became due since it was looked at last is woken for too; what was due then has no place, and is woken for when one is free.
      const { nextAtMs } = await store.standing(Date.now(), dueMs);
      if (nextAtMs !== undefined) this.#wakeIn(Math.max(0, nextAtMs - clock.now()));
    } catch (error) {
      // The store has told why; jobs wait until it works again.
      log('app', 'warn', `Jobs cannot be begun: ${recordedReason(error)}`, {
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
    let outcome: Outcome;
    try {
      const folder = await folders.beginAttempt(job.id, job.attempt);
      // Given up while its folder was made: nobody would hear of it any more.
      attempt.signal.throwIfAborted();
      const result = await this.#perform(attempt, folder);
      outcome = { state: 'done', result: await keepResult(result, folder, folders.resultPathOf(job.id)) };
    } catch (error) {
      outcome = this.#outcomeOf(asDiskFailure(error), attempt);
    }
    await folders.endAttempt(job.id);
    if (outcome.state === 'left') return;
    const settled = await this.#insist(attempt, outcome);
    if (settled) await this.#settled(attempt, settled);
  }

  #perform(attempt: Attempt, folder: string): Promise<TaskResult> {
    const { job } = attempt;
    const { config, folders, perform } = this.#parts;
    const attributes = { [attribute.jobId]: job.id, [attribute.jobAttempt]: job.attempt, tenant: job.tenant };
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
          reserve: (bytes) => folders.reserve(job.id, bytes),
          context: span.context,
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
      case 'defect':
        return { state: 'left' };
      case 'overtime':
        return failed(
          new ServiceError(
            'deadline_exceeded',
            say`Cannot finish the job: it took longer than ${this.#parts.config.jobMsMax} ms; send less at once, or raise VITRINE_JOB_MS_MAX.`,
          ),
        );
      case undefined:
    }
    if (!(error instanceof ServiceError)) {
      reportDefect('job', error, { [attribute.jobId]: job.id }, contextOf(job));
      return failed(
        new ServiceError(
          'internal',
          say`Cannot finish the job: a defect in Vitrine; its log has the cause under this trace id.`,
        ),
      );
    }
    const { retryAttemptsMax, retryWaitMsFirst } = this.#parts.config;
    // What is short at the moment says nothing about the job: it waits, however long that takes.
    const stalled = shortages.includes(error.code);
    const again = error.retryable && error.code !== 'deadline_exceeded' && job.failures + 1 < retryAttemptsMax;
    if (!stalled && !again) return failed(error);
    const tried = stalled ? job.stalls : job.failures;
    const waitMs = stalled
      ? Math.min(stalledWaitMsMax, retryWaitMsFirst * 2 ** Math.min(tried, 30))
      : Math.max(retryWaitMsFirst * 2 ** tried, error.retryAfterMs ?? 0);
    log(
      'app',
      'warn',
      `A job ${stalled ? 'could not go on' : 'failed'} and is tried again in ${Math.round(waitMs / 1000)} s: ${error.recorded}`,
      { event_type: 'job_retry', ...fieldsOf(job), [attribute.errorType]: error.code },
      contextOf(job),
    );
    return { state: 'waiting', because: stalled ? 'stalled' : 'failed', waitMs };
  }

  /** The end of an attempt has to get onto the disk: as long as it does not, the job is not over. Undefined when the stop came first. */
  async #insist({ job }: Attempt, outcome: JobEnd | BackToQueue): Promise<{ job: Job | undefined } | undefined> {
    const { store, clock } = this.#parts;
    for (let waitMs = 500; ; waitMs = Math.min(30_000, waitMs * 2)) {
      try {
        if (outcome.state !== 'waiting')
          return { job: await store.finish(job.id, job.attempt, outcome, this.#times()) };
        const { because } = outcome;
        const notBeforeMs = clock.now() + outcome.waitMs;
        return { job: await store.giveBack(job.id, job.attempt, { because, notBeforeMs, ...this.#times() }) };
      } catch (error) {
        log('app', 'error', `The end of a job could not be kept: ${recordedReason(error)}`, {
          event_type: 'job_end_not_kept',
          ...fieldsOf(job),
        });
        // The next start finds it as running and does it again.
        if (this.#stopping.signal.aborted) return undefined;
        await pause(waitMs, undefined, { signal: this.#stopping.signal }).catch(ignoreAbort);
      }
    }
  }

  /** What follows from the store's word. */
  async #settled(attempt: Attempt, { job }: { job: Job | undefined }): Promise<void> {
    if (job?.attempt !== attempt.job.attempt) {
      // A newer attempt keeps its own result in the place of this one's; so there is nothing to remove here either.
      log('app', 'warn', 'An attempt at a job ended when another had begun; it counts for nothing.', {
        event_type: 'job_attempt_superseded',
        ...fieldsOf(attempt.job),
      });
      return;
    }
    attempt.job = job;
    if (hasEnded(job)) await this.#ended(job);
    else this.#tell(attempt, 'state');
  }

  async #ended(job: Job): Promise<void> {
    this.#tellEnded(job);
    const shown = this.#shown(job);
    this.events.tell(job.id, { kind: 'state', attempt: job.attempt, number: endNumber, job: shown });
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
      `The job is ${job.state}: ${job.request.kind}, ${tookMs} ms after it was accepted${job.failure ? `; ${job.failure.recorded ?? failures[job.failure.code].means}` : ''}`,
      {
        event_type: 'job_ended',
        ...fieldsOf(job),
        status: job.state,
        duration_ms: tookMs,
        ...(job.failure && { [attribute.errorType]: job.failure.code }),
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
    this.#parts.store.progress(id, number, progress).catch((error: Error) =>
      log('app', 'debug', `The progress of a job was not kept: ${recordedReason(error)}`, {
        event_type: 'job_progress',
      }),
    );
  }

  #tell(attempt: Attempt, kind: 'state' | 'progress'): void {
    attempt.events += 1;
    const job = this.#shown(attempt.job);
    this.events.tell(job.id, { kind, attempt: job.attempt, number: attempt.events, job });
  }

  /** As others see it: with the progress of this moment, and the end of its time to live by the clock on the wall. */
  #shown(job: Job): Job {
    const attempt = this.#running.get(job.id);
    const ofNow = attempt?.progress && job.state === 'running' && attempt.job.attempt === job.attempt;
    return {
      ...job,
      ...(ofNow && { progress: attempt.progress }),
      expiresMs: job.expiresMs === undefined ? undefined : this.#parts.clock.onWall(job.expiresMs),
    };
  }

  /** Forgets what is past its time, and removes what could not be removed before. */
  async #tidy(): Promise<void> {
    const { store, folders, clock } = this.#parts;
    try {
      for (const id of await store.expire(clock.now(), 1_000)) await folders.removeResult(id);
    } catch (error) {
      log('app', 'warn', `Results past their time could not be forgotten: ${recordedReason(error)}`, {
        event_type: 'job_expiry_failed',
      });
    }
    await folders.tryAgain();
  }

  #times(): EndTimes {
    const { clock, config } = this.#parts;
    return { nowMs: Date.now(), expiresMs: clock.now() + config.jobResultAgeMsMax };
  }
}

type GaveUp = 'cancelled' | 'stopping' | 'overtime' | 'defect';

type BackToQueue = { readonly state: 'waiting'; readonly because: GivenBack; readonly waitMs: number };

/** `left`: nothing is said of it, as if the process had been killed. */
type Outcome = JobEnd | BackToQueue | { readonly state: 'left' };

/** Failures that are nobody's fault and pass: room on the disk, a way to it, a place in a queue. */
const shortages: readonly FailureCode[] = ['not_kept', 'busy', 'queue_full'];
const stalledWaitMsMax = 60_000;

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
  return { [attribute.jobId]: id, kind: request.kind, attempt, tenant };
}

function failed({ code, message, recorded }: ServiceError): JobEnd {
  return { state: 'failed', failure: { code, message, recorded } };
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}

/** A database that is silent for longer is told as not answering: a health check must not wait for it. */
const storeAnswerMsMax = 1_000;
