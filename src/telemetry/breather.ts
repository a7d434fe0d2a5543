import { setImmediate as nextTurn } from 'node:timers/promises';

/** So long at a stretch; no request should notice it. */
const stretchMsMax = 4;

/** Long work on the event loop takes a break after each stretch, so that requests come between. */
export class Breather {
  #since = performance.now();

  /** Called between small steps. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < stretchMsMax) return;
    await nextTurn();
    this.#since = performance.now();
  }
}

/** So many small steps between two looks at the clock. */
export const stepsAtOnce = 64;
