import type { SessionReport } from '../lanes/lane-messages.ts';
import type { PooledLane, ShortRuns } from '../lanes/lane-pool.ts';

/** Runs of one message take no longer than that together: the first of them waits for the last. */
const messageMs = 2;
const countMax = 32;

/**
 * How many requests that cannot share a run go to a lane in one message: many where a run is short,
 * one where it is not.
 */
export class ApartRuns {
  /** How long a run is expected to take. */
  #runMs: number;
  readonly #shortcut: Pick<ShortRuns, 'apartMax'> | undefined;

  constructor({ probeMs }: SessionReport, shortcut: Pick<ShortRuns, 'apartMax'> | undefined) {
    this.#runMs = probeMs ?? messageMs;
    this.#shortcut = shortcut;
  }

  /**
   * A shorter run says more than a longer one, which may have been held up by others on the
   * machine.
   */
  took(sessionMs: number): void {
    const difference = Math.min(sessionMs, 2 * this.#runMs) - this.#runMs;
    this.#runMs += difference / (difference < 0 ? 2 : 16);
  }

  /**
   * What is run sooner on the event loop goes there, as many as one turn takes; else lanes that are
   * idle share what waits. A process is for models not trusted: a crash there costs
   * one request. On a GPU, runs are timed one by one.
   */
  countMax({ kind, report }: PooledLane, waiting: number, idleLanes: number): number {
    if (kind === 'process' || report.provider !== 'cpu') return 1;
    const onEventLoop = this.#shortcut?.apartMax(waiting) ?? 0;
    if (onEventLoop > 0) return Math.min(countMax, onEventLoop);
    const fair = Math.ceil(waiting / (1 + idleLanes));
    return Math.max(1, Math.min(countMax, fair, Math.floor(messageMs / Math.max(0.001, this.#runMs))));
  }
}
