import type { Job } from './job.ts';

/**
 * One thing that happened to a job. Numbers rise within an attempt; the end comes after all of
 * them.
 */
export type JobEvent = {
  readonly kind: 'state' | 'progress';
  readonly attempt: number;
  readonly number: number;
  readonly job: Job;
};

/** As it goes over the wire, and comes back as Last-Event-ID: `2-17`, or `2-end`. */
export function eventId({ attempt, number }: Pick<JobEvent, 'attempt' | 'number'>): string {
  return `${attempt}-${number === endNumber ? 'end' : number}`;
}

export function readEventId(text: string): Pick<JobEvent, 'attempt' | 'number'> | undefined {
  const found = /^(\d{1,9})-(\d{1,9}|end)$/.exec(text);
  return found ? { attempt: Number(found[1]), number: found[2] === 'end' ? endNumber : Number(found[2]) } : undefined;
}

export const endNumber = Number.MAX_SAFE_INTEGER;

export function isAfter(
  one: Pick<JobEvent, 'attempt' | 'number'>,
  other: Pick<JobEvent, 'attempt' | 'number'>,
): boolean {
  return one.attempt > other.attempt || (one.attempt === other.attempt && one.number > other.number);
}

/** The last events of each job that is alive here, and who wants to hear of the next ones. */
export class JobEvents {
  readonly #kept = new Map<string, JobEvent[]>();
  readonly #followers = new Map<string, Set<(event: JobEvent) => void>>();
  /** Jobs whose followers have heard the end: another process may say it again. */
  readonly #ended = new Set<string>();

  publish(id: string, event: JobEvent): void {
    const kept = this.#kept.get(id) ?? [];
    this.#kept.set(id, kept);
    kept.push(event);
    if (kept.length > keptMax) kept.shift();
    this.deliver(id, event);
  }

  /** For its followers alone: another process works on the job and keeps its events. */
  deliver(id: string, event: JobEvent): void {
    const followers = this.#followers.get(id);
    if (!followers || this.#ended.has(id)) return;
    if (event.number === endNumber) this.#ended.add(id);
    for (const follower of followers) follower(event);
  }

  isFollowed(id: string): boolean {
    return this.#followers.has(id);
  }

  followed(): string[] {
    return [...this.#followers.keys()];
  }

  /** What is still known of the job's latest events, oldest first. */
  of(id: string): readonly JobEvent[] {
    return this.#kept.get(id) ?? [];
  }

  forget(id: string): void {
    this.#kept.delete(id);
  }

  /** Hears of every event from now on; answers how to stop that. */
  follow(id: string, follower: (event: JobEvent) => void): () => void {
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers);
    followers.add(follower);
    return () => {
      followers.delete(follower);
      if (followers.size > 0 || this.#followers.get(id) !== followers) return;
      this.#followers.delete(id);
      this.#ended.delete(id);
    };
  }
}

const keptMax = 64;
