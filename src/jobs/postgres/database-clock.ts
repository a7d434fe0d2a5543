import type { JobClock } from '../job-store.ts';

/** The database's time, as far as this process knows it, carried on by its own steady clock. */
export class DatabaseClock implements JobClock {
  #aheadMs = Date.now() - performance.now();

  /** `askedAt` and `answeredAt` by performance.now(): the time was read in between. */
  read(databaseMs: number, askedAt: number, answeredAt: number): void {
    this.#aheadMs = databaseMs - (askedAt + answeredAt) / 2;
  }

  now(): number {
    return Math.round(this.#aheadMs + performance.now());
  }

  onWall(ms: number): number {
    return ms;
  }
}
