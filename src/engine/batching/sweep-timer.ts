import { type Clock, machineClock, type Timer } from '../../clock.ts';

/** One timer for all deadlines: set for the earliest of them. */
export class SweepTimer {
  readonly #clock: Clock;
  readonly #sweep: () => void;
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;

  constructor(sweep: () => void, clock = machineClock) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  /** Sweeps at that time of the clock, or before. */
  by(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(at - this.#clock.now())), this.#sweep);
  }

  clear(): void {
    this.#clock.clear(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }
}
