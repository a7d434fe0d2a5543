import type { ServiceError } from '../../errors.ts';
import type { EngineObserver } from '../engine-observer.ts';
import { queueFull, tooLate } from '../inference-failures.ts';
import type { LanePool } from '../lanes/lane-pool.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { Statistics } from '../statistics.ts';
import type { WaitingInputs } from './waiting-inputs.ts';

/** Who may wait, in which place, and for how long that will be. */
export class Admission {
  readonly #manifest: Manifest;
  readonly #waiting: WaitingInputs;
  readonly #lanes: Pick<LanePool, 'count'>;
  readonly #statistics: Statistics;
  readonly #observer: EngineObserver;
  /** Moving averages over batches. */
  #batchMs = 0;
  #batchInputs = 1;

  constructor(of: {
    manifest: Manifest;
    waiting: WaitingInputs;
    lanes: Pick<LanePool, 'count'>;
    statistics: Statistics;
    observer: EngineObserver;
  }) {
    this.#manifest = of.manifest;
    this.#waiting = of.waiting;
    this.#lanes = of.lanes;
    this.#statistics = of.statistics;
    this.#observer = of.observer;
  }

  /** How long a request that comes now will wait, going by the last batches. */
  predictedWaitMs(running: number): number {
    const batchesAhead = this.#waiting.count / Math.max(1, this.#batchInputs) + (running > 0 ? 0.5 : 0);
    return (batchesAhead * this.#batchMs) / Math.max(1, this.#lanes.count);
  }

  batchTook(runMs: number, inputs: number): void {
    this.#batchMs = this.#batchMs === 0 ? runMs : this.#batchMs * 0.9 + runMs * 0.1;
    this.#batchInputs = this.#batchInputs * 0.9 + inputs * 0.1;
  }

  isFull(bytes: number): boolean {
    const { inputs_max: inputsMax, bytes_max: bytesMax } = this.#manifest.queue;
    // A request above the limit by itself still gets in when nobody waits: it could never run
    // otherwise.
    return this.#waiting.count >= inputsMax || (this.#waiting.count > 0 && this.#waiting.bytes + bytes > bytesMax);
  }

  /** The place in the queue of a request that came at `now`: the smallest goes first. */
  orderOf(priority: number, now: number): number {
    const { priority_levels: levels, priority_default: fallback, ageing_ms: ageingMs } = this.#manifest.queue;
    const level = priority === 0 ? Math.min(fallback, levels) : Math.min(Math.max(1, priority), levels);
    return now + level * ageingMs;
  }

  refused(running: number): ServiceError {
    this.#observer.requestDropped(this.#manifest.name, 'refused');
    this.#statistics.fail.count += 1;
    return queueFull(this.#manifest.name, this.#waiting, this.predictedWaitMs(running));
  }

  expired(waitedMs: number): ServiceError {
    this.#observer.requestDropped(this.#manifest.name, 'expired');
    return tooLate(this.#manifest.name, waitedMs);
  }
}
