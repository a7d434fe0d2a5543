import type { Lease } from '../../processes/changes.ts';

/** Asks for a part of a client's quota: the first process, or the database of all replicas. */
export type AskLease = (wanted: number) => Promise<Lease>;

/** It has no token here: `refill` asks for some, then it is taken from once more. */
export const askFirst = -1;

/** At the very least between two questions that were answered with nothing. */
const refusedMsMin = 25;
/** Who has taken nothing for so long has a full quota. */
const idleMs = 60_000;

/**
 * The part of a quota that this process has, where several processes share the quota. Taking costs
 * what it costs of a bucket of its own; when the part is used up, more is asked for.
 */
export class LeasedBucket {
  readonly perMinute: number;
  readonly #ask: AskLease;
  readonly #block: () => number;
  #tokens = 0;
  #left: number;
  #refusedUntil = 0;
  #lastAt: number;
  #refilling: Promise<void> | undefined;

  /** `block`: how many are leased at once; 1 keeps no more than is taken. */
  constructor(of: { perMinute: number; now: number; block: () => number; ask: AskLease }) {
    this.perMinute = of.perMinute;
    this.#block = of.block;
    this.#ask = of.ask;
    this.#left = of.perMinute;
    this.#lastAt = of.now;
  }

  /** 0: taken. `askFirst`: `refill` first. Else the milliseconds until there is one again. */
  take(now: number): number {
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#lastAt = now;
      return 0;
    }
    return now < this.#refusedUntil ? Math.ceil(this.#refusedUntil - now) : askFirst;
  }

  /** One question at a time, however many wait for it. */
  refill(): Promise<void> {
    this.#refilling ??= this.#refill().finally(() => {
      this.#refilling = undefined;
    });
    return this.#refilling;
  }

  /** What was leased and not used: another process needs it. */
  giveBack(): number {
    const given = this.#tokens;
    this.#tokens = 0;
    return given;
  }

  /** Whole tokens left to all processes, as far as it is known here. */
  get remaining(): number {
    return this.#left + this.#tokens;
  }

  /** Whole tokens at this moment, as far as it is known here. */
  leftAt(now: number): number {
    return this.isFull(now) ? this.perMinute : this.remaining;
  }

  get fullInSeconds(): number {
    return Math.ceil(((this.perMinute - this.remaining) * 60) / this.perMinute);
  }

  /** What it has, where nothing was taken for that long. */
  unusedFor(ms: number, now: number): number {
    return now - this.#lastAt >= ms ? this.#tokens : 0;
  }

  isFull(now: number): boolean {
    return now - this.#lastAt > idleMs;
  }

  async #refill(): Promise<void> {
    const { granted, left, waitMs } = await this.#ask(this.#block());
    this.#tokens += granted;
    this.#left = left;
    if (granted === 0) this.#refusedUntil = performance.now() + Math.max(refusedMsMin, waitMs);
  }
}
