import type { Clock, Timer } from '../../clock.ts';

type Run = { leftMs: number; readonly done: () => void; timer: Timer | undefined };

/**
 * Runs side by side on so many cores: they take as long as recorded while the cores suffice, and
 * longer in proportion where they do not.
 */
export class SharedCores {
  readonly #clock: Clock;
  readonly #cores: number;
  /** Of each run, as it was recorded. */
  readonly #coresEach: number;
  readonly #running = new Set<Run>();
  #speed = 1;
  #at: number;

  constructor(clock: Clock, { cores, coresEach }: { cores: number; coresEach: number }) {
    this.#clock = clock;
    this.#cores = cores;
    this.#coresEach = coresEach;
    this.#at = clock.now();
  }

  /** `ms`: as long as it takes where there are cores enough. */
  run(ms: number, done: () => void): void {
    this.#goOn();
    const run: Run = { leftMs: ms, done, timer: undefined };
    this.#running.add(run);
    if (!this.#changeSpeed()) this.#schedule(run);
  }

  #ended(run: Run): void {
    this.#goOn();
    this.#running.delete(run);
    this.#changeSpeed();
    run.done();
  }

  /** Takes off what was done since the last change. */
  #goOn(): void {
    const now = this.#clock.now();
    if (now > this.#at) for (const run of this.#running) run.leftMs -= (now - this.#at) * this.#speed;
    this.#at = now;
  }

  /** Whether it is another than before; then all runs end at another time. */
  #changeSpeed(): boolean {
    const wanted = this.#running.size * this.#coresEach;
    const speed = wanted > this.#cores ? this.#cores / wanted : 1;
    if (speed === this.#speed) return false;
    this.#speed = speed;
    for (const run of this.#running) this.#schedule(run);
    return true;
  }

  #schedule(run: Run): void {
    this.#clock.clear(run.timer);
    run.timer = this.#clock.after(Math.max(0, run.leftMs) / this.#speed, () => this.#ended(run));
  }
}
