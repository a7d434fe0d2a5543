import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { pauseUnless } from '../resilience/pause-unless.ts';
import { say } from '../sentence.ts';
import { newIds } from '../telemetry/ids.ts';
import { endJob } from './end-job.ts';
import { endTimes } from './end-times.ts';
import type { JobFiles } from './files/job-files.ts';
import { hasEnded, type Job, type NewJob } from './job.ts';
import type { JobEvents } from './job-events.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobClock, JobStore } from './job-store.ts';
import type { JobWorker } from './job-worker.ts';
import type { LiveJobs } from './live-jobs.ts';
import { restOfJobMs } from './rest-of-job.ts';
import type { Added, JobPage } from './store-answers.ts';
import type { WorkFolders } from './work-folders.ts';

export type JobQueueParts = {
  readonly config: Pick<Config, 'jobsMax' | 'jobsOfTenantMax' | 'jobsRunningMax' | 'jobResultAgeMsMax'>;
  readonly clock: JobClock;
  readonly store: JobStore;
  readonly folders: WorkFolders;
  readonly files: JobFiles;
  readonly metrics: JobMetrics;
  readonly live: LiveJobs;
  readonly worker: Pick<JobWorker, 'wake' | 'isStopping'>;
};

/** The jobs as callers have them: added, listed, cancelled, deleted. */
export class JobQueue {
  readonly #parts: JobQueueParts;

  constructor(parts: JobQueueParts) {
    this.#parts = parts;
  }

  /** Where the uploads and results of jobs lie. */
  get files(): JobFiles {
    return this.#parts.files;
  }

  get events(): JobEvents {
    return this.#parts.live.events;
  }

  /**
   * Takes a job whose files lie in the work folder of its id already. When this resolves as added,
   * the job will be done.
   */
  async add(of: Omit<NewJob, 'createdMs' | 'trace'>): Promise<Added> {
    const { store, config, live, worker } = this.#parts;
    if (worker.isStopping)
      throw new ServiceError('not_ready', say`Cannot take the job: the service stops; send it again.`, {
        retryAfterMs: 1000,
      });
    const { jobsMax, jobsOfTenantMax: ofTenantMax } = config;
    const added = await store.add({ ...of, createdMs: Date.now(), trace: newIds() }, { jobsMax, ofTenantMax });
    if (added.kind === 'added') worker.wake();
    return 'job' in added ? { ...added, job: live.shown(added.job) } : added;
  }

  /** The job, with the progress of this moment. */
  async find(id: string): Promise<Job | undefined> {
    const { store, live } = this.#parts;
    const job = await store.get(id);
    return job && live.shown(job);
  }

  async list(of: JobPage): Promise<Job[]> {
    const { store, live } = this.#parts;
    return (await store.list(of)).map((job) => live.shown(job));
  }

  /**
   * What waits is cancelled when this resolves; what runs gives up, and ends soon. What has ended
   * stays as it is.
   */
  async cancel(id: string): Promise<Job | undefined> {
    const { store, live } = this.#parts;
    const cancelled = await store.cancel(id, endTimes(this.#parts));
    return cancelled && live.shown(await this.#follow(cancelled));
  }

  /**
   * Forgets a job and its result: at once, or, where it runs, as soon as it has stopped. Answers its
   * last state.
   */
  async delete(id: string): Promise<Job | undefined> {
    const { store, files, live } = this.#parts;
    const deleted = await store.delete(id, endTimes(this.#parts));
    if (!deleted) return undefined;
    const job = await this.#follow(deleted);
    if (hasEnded(job)) await files.removeResult(id);
    return live.shown(job);
  }

  /**
   * Milliseconds until it is done, by what it has done so far, or by how long others of its kind
   * took; undefined while nothing is known.
   */
  async estimateMs(job: Job, now = Date.now()): Promise<number | undefined> {
    if (hasEnded(job)) return undefined;
    const { store, config } = this.#parts;
    if (job.state === 'running') {
      const restMs = restOfJobMs(job, now);
      if (restMs !== undefined) return restMs;
      const meanMs = (await store.standing(now)).workMs[job.request.kind];
      return meanMs === undefined ? undefined : Math.max(0, meanMs - (now - (job.startedMs ?? now)));
    }
    const [{ workMs, processes }, ahead] = await Promise.all([store.standing(now), store.ahead(job.id)]);
    const meanMs = workMs[job.request.kind];
    return meanMs === undefined ? undefined : meanMs * (1 + Math.ceil(ahead / (config.jobsRunningMax * processes)));
  }

  /** How many would be begun before it; undefined of one that does not wait. */
  async ahead(job: Job): Promise<number | undefined> {
    return job.state === 'waiting' ? this.#parts.store.ahead(job.id) : undefined;
  }

  /** Why the jobs' database cannot be used as it should; undefined when it can. */
  get storeTrouble(): JobStore['trouble'] {
    return this.#parts.store.trouble;
  }

  /** How long the database takes to answer; undefined of one that does not answer within a second. */
  async storeAnswerMs(): Promise<number | undefined> {
    const startedAt = performance.now();
    const answered = new AbortController();
    const answer = this.#parts.store.get('').then(
      () => true,
      () => false,
    );
    const overtime = pauseUnless(answered.signal, storeAnswerMsMax, { ref: false }).then(() => false);
    const isAnswered = await Promise.race([answer, overtime]);
    answered.abort();
    return isAnswered ? performance.now() - startedAt : undefined;
  }

  /** Damaged databases and the files without a job, until somebody moves them. */
  foldersSetAside(): Promise<string[]> {
    return this.#parts.folders.setAside();
  }

  /** What follows from an end that a caller wanted. */
  async #follow({ job, endedNow }: { job: Job; endedNow: boolean }): Promise<Job> {
    if (endedNow) await endJob(job, this.#parts);
    else if (!hasEnded(job)) this.#parts.live.attemptAt(job.id)?.giveUp('cancelled');
    return job;
  }
}

/** A health check must not wait for a database that is silent for longer. */
const storeAnswerMsMax = 1_000;
