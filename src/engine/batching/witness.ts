import type { Clock } from '../../clock.ts';
import type { Breaker } from '../../resilience/breaker.ts';
import type { RunResult } from '../lanes/lane.ts';
import type { PooledLane } from '../lanes/lane-pool.ts';
import type { Statistics } from '../statistics.ts';
import type { Tensor } from '../tensor.ts';

/**
 * After a probe that ran, failures count as the callers' for so long: bad inputs must not keep the
 * lanes busy with probes.
 */
const probeEveryMs = 100;

/**
 * Whether a failure is the input's or the model's. The model's own probe decides: only when that
 * fails too does the breaker count a failure, so that no caller can close a model to others by what
 * they send.
 */
export class Witness {
  readonly #breaker: Breaker;
  readonly #statistics: Statistics;
  readonly #probe: (() => readonly Tensor[]) | undefined;
  readonly #clock: Clock;
  #probeAgainAt = 0;

  constructor(of: {
    breaker: Breaker;
    statistics: Statistics;
    probe: (() => readonly Tensor[]) | undefined;
    clock: Clock;
  }) {
    this.#breaker = of.breaker;
    this.#statistics = of.statistics;
    this.#probe = of.probe;
    this.#clock = of.clock;
  }

  /**
   * Runs the probe in a lane that has just failed; `done` is called once. False: it is not asked
   * now.
   */
  run(lane: PooledLane, now: number, done: () => void): boolean {
    const inputs = now >= this.#probeAgainAt && this.#probe?.();
    if (!inputs) return false;
    lane.run([{ inputs, outputs: undefined }], [], (result) => {
      this.#probed(result);
      done();
    });
    return true;
  }

  #probed(result: RunResult): void {
    if (result.kind === 'done' && result.ends[0]?.kind === 'ran') {
      this.#breaker.succeeded();
      this.#probeAgainAt = this.#clock.now() + probeEveryMs;
      return;
    }
    this.#breaker.failed();
    if (result.kind === 'ended') this.#statistics.lanes.crashed += 1;
  }
}
