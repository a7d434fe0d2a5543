export type LeastRate = {
  /** Bytes a second. 0: any. */
  readonly bytesPerSecondMin: number;
  /** How long it is measured before anybody is called slow. */
  readonly slowAfterMs: number;
};

/**
 * Whether something moves fast enough, measured over windows that follow each other: a caller who
 * sent much at once and drips from then on is slow in the next window.
 */
export class RateWatch {
  #since: number;
  #moved = 0;

  constructor(now: number) {
    this.#since = now;
  }

  /** Starts again after a time without anything to move. */
  restart(now: number, moved: number): void {
    this.#since = now;
    this.#moved = moved;
  }

  /** `moved` is all that has been moved so far. */
  isSlow(now: number, moved: number, { bytesPerSecondMin, slowAfterMs }: LeastRate): boolean {
    const windowMs = now - this.#since;
    if (windowMs < slowAfterMs) return false;
    const isSlow = (moved - this.#moved) * 1000 < bytesPerSecondMin * windowMs;
    this.restart(now, moved);
    return isSlow;
  }
}
