/**
 * What the thread of a task did for a while, under one name. In milliseconds since the epoch, by
 * the clock of the main thread.
 */
export type Stretch = { readonly name: string; readonly startMs: number; readonly tookMs: number };

/** The thread waits for the engine. */
export const waitingName = 'engine';
/** The thread works on what has no name of its own. */
export const workName = 'work';

const reportedAtOnce = 32;

/**
 * Divides the whole time of a task's thread into stretches: a step by its name, waiting for the
 * engine, or other work. At each moment it is in one of them, so that they add up to the task's
 * time whatever the work does at once.
 */
export class TaskClock {
  readonly #report: (stretches: Stretch[]) => void;
  readonly #steps: { readonly name: string }[] = [];
  #ended: Stretch[] = [];
  #calls = 0;
  #name = workName;
  readonly #zeroMs: number;
  #sinceMs: number;

  /**
   * `zeroMs`: when the main thread's clock says that the monotonic clock was 0. A thread's own idea
   * of the epoch is off by milliseconds on a busy machine.
   */
  constructor(report: (stretches: Stretch[]) => void, zeroMs: number) {
    this.#report = report;
    this.#zeroMs = zeroMs;
    this.#sinceMs = zeroMs + monotonicMs();
    // Who waits for the thread hears at once that it has begun.
    report([{ name: workName, startMs: this.#sinceMs, tookMs: 0 }]);
  }

  /**
   * Everything until `act` is over belongs to the step, but for the steps within it; a step named
   * `work` gives the time within it back to the work.
   */
  async step<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    const end = this.#begin(name);
    try {
      return await act();
    } finally {
      end();
    }
  }

  /** The same for what waits for nothing. */
  stepNow<T>(name: string, act: () => T): T {
    const end = this.#begin(name);
    try {
      return act();
    } finally {
      end();
    }
  }

  /** An engine call has left. What the thread still does before it comes to rest is no waiting. */
  called(): void {
    this.#calls += 1;
    this.#waitSoon();
  }

  answered(): void {
    this.#calls -= 1;
    this.#turn(workName);
    this.#waitSoon();
  }

  /** Reports what has not been reported. */
  end(): void {
    this.#close();
    this.#send();
  }

  #begin(name: string): () => void {
    const own = { name };
    this.#steps.push(own);
    this.#turn(workName);
    return () => {
      this.#steps.splice(this.#steps.indexOf(own), 1);
      this.#turn(workName);
    };
  }

  #waitSoon(): void {
    setImmediate(() => {
      if (this.#calls > 0) this.#turn(waitingName);
    });
  }

  #turn(without: string): void {
    const step = this.#steps.at(-1)?.name ?? workName;
    const next = step === workName ? without : step;
    if (next === this.#name) return;
    this.#close();
    this.#name = next;
    if (this.#ended.length >= reportedAtOnce) this.#send();
  }

  #close(): void {
    const endMs = this.#zeroMs + monotonicMs();
    if (endMs > this.#sinceMs)
      this.#ended.push({ name: this.#name, startMs: this.#sinceMs, tookMs: endMs - this.#sinceMs });
    this.#sinceMs = endMs;
  }

  #send(): void {
    const stretches = this.#ended;
    this.#ended = [];
    this.#report(stretches);
  }
}

/** The same in all threads of the process. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
