import { Batcher } from '../../engine/batching/batcher.ts';
import { unobserved } from '../../engine/engine-observer.ts';
import type { SessionReport } from '../../engine/lanes/lane-messages.ts';
import type { Manifest } from '../../engine/registry/manifest.ts';
import { Statistics } from '../../engine/statistics.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { Breaker } from '../../resilience/breaker.ts';
import { medianOf } from './percentile.ts';
import { outcomeCode, type RecordedLoad, runForm } from './recorded-load.ts';
import { RunTimes } from './run-times.ts';
import { SharedCores } from './shared-cores.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { type Effort, SimulatedLanes } from './simulated-lanes.ts';
import { SimulatedShortcut } from './simulated-shortcut.ts';

/** The machine and the model that a load is replayed on. */
export type ReplayOn = {
  readonly manifest: Manifest;
  readonly replicas: number;
  /** Of one replica. */
  readonly cores: number;
  /** The longest that a request may take (VITRINE_INFER_MS_MAX). */
  readonly inferMsMax: number;
  readonly shortcutMsMax: number;
};

/** What became of each arrival. */
export type Replayed = {
  readonly outcome: Uint8Array;
  /** Of those that were answered. */
  readonly tookMs: Float64Array;
  readonly queueMs: Float64Array;
  readonly effort: Effort;
  readonly rowsBeyondRecords: number;
};

const soonMsDefault = 0.05;

/** Sends the arrivals of a recorded time through the batcher itself, by a clock of its own. */
export function replayLoad(load: RecordedLoad, on: ReplayOn): Replayed {
  return new Replay(load, on).run();
}

class Replay {
  readonly #load: RecordedLoad;
  readonly #on: ReplayOn;
  readonly #clock: SimulatedClock;
  readonly #times: RunTimes;
  readonly #batchers: readonly Batcher[];
  readonly #result: { outcome: Uint8Array; tookMs: Float64Array; queueMs: Float64Array; effort: Effort };
  /** Of each call, the next one of its task. */
  readonly #next: Int32Array;
  readonly #afterUsualMs: number;
  readonly #soonUsualMs: number;

  constructor(load: RecordedLoad, on: ReplayOn) {
    this.#load = load;
    this.#on = on;
    this.#soonUsualMs = soonMsOf(load, on.manifest);
    this.#clock = new SimulatedClock(load.from, this.#soonUsualMs);
    this.#times = new RunTimes(load);
    this.#result = {
      outcome: new Uint8Array(load.count).fill(outcomeCode.failed),
      tookMs: new Float64Array(load.count),
      queueMs: new Float64Array(load.count),
      effort: { messages: 0, onEventLoop: 0, busyMs: 0 },
    };
    this.#batchers = Array.from({ length: on.replicas }, () => this.#openBatcher());
    this.#next = nextOf(load);
    this.#afterUsualMs = medianOf(load.columns.afterMs.filter((_, place) => load.columns.laneMs[place]! > 0));
  }

  run(): Replayed {
    const { count, columns } = this.#load;
    for (let place = 0; place < count; place += 1) {
      if (columns.previous[place]! >= 0) continue;
      const at = columns.at[place]!;
      // What comes in one moment is read before anything is sent to a lane.
      while (this.#clock.next < at) this.#clock.step();
      this.#clock.goTo(at);
      this.#arrive(place);
    }
    while (this.#clock.next < Number.POSITIVE_INFINITY) this.#clock.step();
    return { ...this.#result, rowsBeyondRecords: this.#times.rowsBeyondRecords };
  }

  #arrive(place: number): void {
    const { columns } = this.#load;
    const { manifest, inferMsMax, replicas } = this.#on;
    const clock = this.#clock;
    const now = clock.now();
    const beforeMs = columns.beforeMs[place]!;
    const allowedMs = Math.min(inferMsMax, manifest.timeout_ms_max ?? inferMsMax) - beforeMs;
    const leftAt = now + columns.leftMs[place]!;
    const inputs = [tensorOf(place)];
    // As long as the event loop was at other requests then, it would be again.
    const isKnown = (columns.form[place]! & runForm.foundIdle) !== 0 && manifest.batching.delay_us_max === 0;
    clock.soonMs = isKnown ? columns.queueMs[place]! : this.#soonUsualMs;
    try {
      this.#batchers[place % replicas]!.submit(
        {
          inputs,
          priority: 0,
          deadlineAt: now + Math.min(allowedMs, columns.deadlineMs[place]!),
          signal: Number.isFinite(leftAt)
            ? {
                get aborted() {
                  return clock.now() >= leftAt;
                },
              }
            : stays,
        },
        {
          inputs,
          rows: Math.max(1, columns.rows[place]!),
          bytes: columns.bytes[place]!,
          shapeKey: this.#shapeKey(place),
          alone: (columns.form[place]! & runForm.alone) !== 0,
        },
        undefined,
        {
          answered: ({ stages }) => this.#answered(place, now, stages.queueMs),
          failed: (error) => this.#failed(place, error),
        },
      );
    } catch (error) {
      this.#failed(place, error as Error);
    }
  }

  /**
   * Requests of one shape have as many bytes for each row. How long a request was is not known, so
   * where they are padded all may share a batch.
   */
  #shapeKey(place: number): string {
    if (this.#on.manifest.padding !== undefined) return '';
    const { rows, bytes } = this.#load.columns;
    return String(Math.round(bytes[place]! / Math.max(1, rows[place]!)));
  }

  #answered(place: number, arrivedAt: number, queueMs: number): void {
    const { columns } = this.#load;
    const { outcome, tookMs, queueMs: queues } = this.#result;
    const wasRun = columns.laneMs[place]! > 0;
    const afterMs = wasRun ? columns.afterMs[place]! : this.#afterUsualMs;
    outcome[place] = outcomeCode.answered;
    tookMs[place] = columns.beforeMs[place]! + this.#clock.now() - arrivedAt + afterMs;
    queues[place] = queueMs;
    this.#callAgain(place);
  }

  #failed(place: number, error: Error): void {
    if (!(error instanceof ServiceError)) throw error;
    this.#result.outcome[place] = codes[error.code as keyof typeof codes] ?? outcomeCode.failed;
    this.#callAgain(place);
  }

  /** A task goes on when it has its answer. */
  #callAgain(place: number): void {
    const next = this.#next[place]!;
    if (next >= 0) this.#clock.after(this.#load.columns.thinkMs[next]!, () => this.#arrive(next));
  }

  #openBatcher(): Batcher {
    const { manifest, cores, shortcutMsMax } = this.#on;
    const { batches, othersCpuMs, to, from } = this.#load;
    const { effort } = this.#result;
    const statistics = new Statistics();
    // What the model's batches used side by side was there.
    const coresEach = batches.busyMs === 0 ? 0 : batches.cpuMs / batches.busyMs;
    const coresLeft = Math.max(cores - othersCpuMs / (to - from), coresEach);
    const report: SessionReport = {
      provider: 'cpu',
      refused: [],
      rowProof: undefined,
      warmUpFailure: undefined,
      probeMs: medianOf(this.#load.columns.sessionMs.filter((ms) => ms > 0)),
      loadMs: 0,
    };
    return new Batcher({
      manifest: { ...manifest, padding: undefined },
      lanes: new SimulatedLanes({
        count: manifest.lanes.count,
        kind: manifest.lanes.kind,
        times: this.#times,
        cores: new SharedCores(this.#clock, { cores: coresLeft, coresEach }),
        overheadMs: batches.overheadMs,
        effort,
        report,
      }),
      shortcut: SimulatedShortcut.of(this.#load, {
        clock: this.#clock,
        times: this.#times,
        effort,
        runMsMax: shortcutMsMax,
      }),
      breaker: new Breaker({ failuresMax: 1, openMs: 1, now: () => this.#clock.now() }),
      statistics,
      observer: unobserved,
      gpu: undefined,
      probe: undefined,
      clock: this.#clock,
    });
  }
}

const stays = { aborted: false };

const codes = {
  queue_full: outcomeCode.refused,
  deadline_exceeded: outcomeCode.expired,
  caller_gone: outcomeCode.left,
} as const;

/** Where the request stands in the load is all that is in it. */
function tensorOf(place: number): Tensor {
  return { name: 'place', datatype: 'INT32', shape: [1], data: Int32Array.of(place) };
}

/** How long a request waited that found a lane idle: until the event loop had read the others. */
function soonMsOf({ columns, count }: RecordedLoad, { batching }: Manifest): number {
  const waited: number[] = [];
  for (let place = 0; place < count; place += 1)
    if ((columns.form[place]! & runForm.foundIdle) !== 0) waited.push(columns.queueMs[place]!);
  return waited.length === 0 || batching.delay_us_max > 0 ? soonMsDefault : medianOf(waited);
}

function nextOf({ count, columns }: RecordedLoad): Int32Array {
  const next = new Int32Array(count).fill(-1);
  for (let place = 0; place < count; place += 1) {
    const previous = columns.previous[place]!;
    if (previous >= 0) next[previous] = place;
  }
  return next;
}
