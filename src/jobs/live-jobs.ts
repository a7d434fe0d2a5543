import { Attempt } from './attempt.ts';
import type { Job, JobProgress } from './job.ts';
import { endNumber, type JobEvent, JobEvents } from './job-events.ts';
import type { JobClock } from './job-store.ts';

const eventEveryMs = 100;

/**
 * The jobs that this process works on, as callers see them: with the progress of this moment, and
 * each change as an event.
 */
export class LiveJobs {
  readonly events = new JobEvents();
  readonly #clock: JobClock;
  readonly #announceElsewhere: (event: JobEvent) => void;
  readonly #attempts = new Map<string, Attempt>();

  constructor(clock: JobClock, announceElsewhere: (event: JobEvent) => void = () => undefined) {
    this.#clock = clock;
    this.#announceElsewhere = announceElsewhere;
  }

  get attempts(): readonly Attempt[] {
    return [...this.#attempts.values()];
  }

  get count(): number {
    return this.#attempts.size;
  }

  begin(job: Job): Attempt {
    const attempt = new Attempt(job);
    this.#attempts.set(job.id, attempt);
    return attempt;
  }

  end({ job }: Attempt): void {
    this.#attempts.delete(job.id);
  }

  attemptAt(id: string): Attempt | undefined {
    return this.#attempts.get(id);
  }

  /**
   * As others see it: with the progress of this moment, and the end of its time to live by the clock
   * on the wall.
   */
  shown(job: Job): Job {
    const attempt = this.#attempts.get(job.id);
    const ofNow = attempt?.progress && job.state === 'running' && attempt.job.attempt === job.attempt;
    return {
      ...job,
      ...(ofNow && { progress: attempt.progress }),
      expiresMs: job.expiresMs === undefined ? undefined : this.#clock.onWall(job.expiresMs),
    };
  }

  announceState(attempt: Attempt): void {
    this.#announce(attempt, 'state');
  }

  /** Not more often than followers can read it. */
  announceProgress(attempt: Attempt, progress: JobProgress): void {
    attempt.progress = progress;
    const now = performance.now();
    if (now - attempt.announcedAt < eventEveryMs && progress.done !== progress.total) return;
    attempt.announcedAt = now;
    this.#announce(attempt, 'progress');
  }

  /** The last event of a job. */
  announceEnd(job: Job): void {
    this.#publish({ kind: 'state', attempt: job.attempt, number: endNumber, job: this.shown(job) });
    this.events.forget(job.id);
  }

  #announce(attempt: Attempt, kind: 'state' | 'progress'): void {
    attempt.events += 1;
    const job = this.shown(attempt.job);
    this.#publish({ kind, attempt: job.attempt, number: attempt.events, job });
  }

  #publish(event: JobEvent): void {
    this.events.publish(event.job.id, event);
    this.#announceElsewhere(event);
  }
}
