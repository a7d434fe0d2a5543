import type { SteadyClock } from '../steady-clock.ts';
import { Attempt } from './attempt.ts';
import type { Job, JobProgress } from './job.ts';
import { endNumber, JobEvents } from './job-events.ts';

const eventEveryMs = 100;

/**
 * The jobs that this process works on, as callers see them: with the progress of this moment, and
 * each change as an event.
 */
export class LiveJobs {
  readonly events = new JobEvents();
  readonly #clock: SteadyClock;
  readonly #attempts = new Map<string, Attempt>();

  constructor(clock: SteadyClock) {
    this.#clock = clock;
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
    this.events.publish(job.id, { kind: 'state', attempt: job.attempt, number: endNumber, job: this.shown(job) });
    this.events.forget(job.id);
  }

  #announce(attempt: Attempt, kind: 'state' | 'progress'): void {
    attempt.events += 1;
    const job = this.shown(attempt.job);
    this.events.publish(job.id, { kind, attempt: job.attempt, number: attempt.events, job });
  }
}
