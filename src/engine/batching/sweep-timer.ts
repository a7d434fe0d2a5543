/** One timer for all deadlines: set for the earliest of them. */
export class SweepTimer {
  readonly #sweep: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Number.POSITIVE_INFINITY;

  constructor(sweep: () => void) {
    this.#sweep = sweep;
  }

  /** Sweeps at that time of performance.now(), or before. */
  by(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(this.#sweep, Math.max(1, Math.ceil(at - performance.now())));
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
