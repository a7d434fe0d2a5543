import { recordedReason } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import { hasEnded, type Job } from './job.ts';
import { endNumber, type JobEvent } from './job-events.ts';
import type { JobStore, StoreChange } from './job-store.ts';
import type { LiveJobs } from './live-jobs.ts';

type EventElsewhere = Extract<StoreChange, { kind: 'event' }>;
type Known = { job: Job; number: number };

/**
 * Jobs that other processes work on, for callers who follow them here: by the events that the store
 * passes on, and by a look at the store, since an event may be lost on the way.
 */
export class JobsElsewhere implements Disposable {
  readonly #store: Pick<JobStore, 'get'>;
  readonly #live: LiveJobs;
  /** As the followers heard of them last. */
  readonly #known = new Map<string, Known>();
  readonly #looking: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor({ store, live }: { store: Pick<JobStore, 'get' | 'clock'>; live: LiveJobs }) {
    this.#store = store;
    this.#live = live;
    // Without a time that they share there are no others.
    if (store.clock === undefined) return;
    this.#looking = setInterval(() => {
      this.#look ??= this.#lookAtAll().finally(() => {
        this.#look = undefined;
      });
    }, lookEveryMs).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }

  async hear({ id, event, progress }: EventElsewhere): Promise<void> {
    if (!this.#isFollowed(id)) return;
    const known = this.#known.get(id);
    const isProgress = event.kind === 'progress' && known?.job.attempt === event.attempt;
    const job = isProgress ? known.job : await this.#find(id);
    if (job) this.#deliver({ ...event, job: { ...job, progress: progress ?? job.progress } });
  }

  async #lookAtAll(): Promise<void> {
    const followed = this.#live.events.followed();
    for (const id of this.#known.keys()) if (!followed.includes(id)) this.#known.delete(id);
    for (const id of followed) if (this.#isFollowed(id)) await this.#lookAt(id);
  }

  async #lookAt(id: string): Promise<void> {
    const known = this.#known.get(id);
    const job = await this.#find(id);
    if (job === undefined) return;
    if (hasEnded(job)) return this.#deliver({ kind: 'state', attempt: job.attempt, number: endNumber, job });
    if (known?.job.attempt !== job.attempt || known.job.state !== job.state) {
      this.#deliver({ kind: 'state', attempt: job.attempt, number: 0, job });
    } else if (JSON.stringify(known.job.progress) !== JSON.stringify(job.progress)) {
      this.#deliver({ kind: 'progress', attempt: job.attempt, number: known.number + 1, job });
    }
  }

  /** Undefined where nothing can be said now. A job that is gone has ended as it was wanted to. */
  async #find(id: string): Promise<Job | undefined> {
    try {
      const job = await this.#store.get(id);
      const last = this.#known.get(id)?.job;
      return job ?? (last && { ...last, state: hasEnded(last) ? last.state : 'cancelled' });
    } catch (error) {
      log('app', 'debug', `A job that is followed could not be looked at: ${recordedReason(error)}`, {
        event_type: 'job_not_looked_at',
      });
      return undefined;
    }
  }

  #deliver(event: JobEvent): void {
    const { id } = event.job;
    if (event.number === endNumber) this.#known.delete(id);
    else this.#known.set(id, { job: event.job, number: event.number });
    this.#live.events.deliver(id, { ...event, job: this.#live.shown(event.job) });
  }

  #isFollowed(id: string): boolean {
    return this.#live.events.isFollowed(id) && this.#live.attemptAt(id) === undefined;
  }
}

const lookEveryMs = 1_000;
