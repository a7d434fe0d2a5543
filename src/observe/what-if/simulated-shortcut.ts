import type { Clock } from '../../clock.ts';
import type { Batch } from '../../engine/batching/waiting-inputs.ts';
import type { RunResult } from '../../engine/lanes/lane.ts';
import type { LaneRun } from '../../engine/lanes/lane-messages.ts';
import type { ShortRuns } from '../../engine/lanes/lane-pool.ts';
import { apartAtOnce, isSoonerHere } from '../../engine/lanes/shortcut.ts';
import { medianOf } from './percentile.ts';
import { type RecordedLoad, runForm } from './recorded-load.ts';
import type { RunTimes } from './run-times.ts';
import { type Effort, runsOf } from './simulated-lanes.ts';

/** Runs on the event loop, one after the other, as they were recorded there. */
export class SimulatedShortcut implements ShortRuns {
  readonly #clock: Clock;
  readonly #times: RunTimes;
  readonly #effort: Effort;
  readonly #runMsMax: number;
  /** A run in ONNX Runtime by the power of two that its rows come up to. */
  readonly #msOf: ReadonlyMap<number, number>;
  #freeAt = 0;

  private constructor(of: {
    clock: Clock;
    times: RunTimes;
    effort: Effort;
    runMsMax: number;
    msOf: ReadonlyMap<number, number>;
  }) {
    this.#clock = of.clock;
    this.#times = of.times;
    this.#effort = of.effort;
    this.#runMsMax = of.runMsMax;
    this.#msOf = of.msOf;
  }

  /** Undefined where no run was recorded there. */
  static of(
    load: RecordedLoad,
    of: { clock: Clock; times: RunTimes; effort: Effort; runMsMax: number },
  ): SimulatedShortcut | undefined {
    const { columns, count } = load;
    const byPower = new Map<number, number[]>();
    for (let place = 0; place < count; place += 1) {
      if ((columns.form[place]! & runForm.onEventLoop) === 0) continue;
      const power = powerOf(columns.batchRows[place]!);
      const seen = byPower.get(power);
      if (seen) seen.push(columns.sessionMs[place]!);
      else byPower.set(power, [columns.sessionMs[place]!]);
    }
    if (byPower.size === 0) return undefined;
    return new SimulatedShortcut({ ...of, msOf: new Map([...byPower].map(([power, all]) => [power, medianOf(all)])) });
  }

  fits({ entries, rows, runsApart }: Batch): boolean {
    let ms = 0;
    if (runsApart) for (const entry of entries) ms += this.#expectedMs(entry.rows);
    else ms = this.#expectedMs(rows);
    return isSoonerHere(ms, entries.length, runsApart, this.#runMsMax);
  }

  apartMax(waiting: number): number {
    return apartAtOnce(Math.max(0.001, this.#expectedMs(1)), waiting, this.#runMsMax);
  }

  run(runs: readonly LaneRun[], done: (result: RunResult) => void): void {
    const { ms, result } = runsOf(runs, this.#times, true);
    this.#effort.messages += 1;
    this.#effort.onEventLoop += 1;
    this.#effort.busyMs += ms;
    const now = this.#clock.now();
    this.#freeAt = Math.max(now, this.#freeAt) + ms;
    this.#clock.after(this.#freeAt - now, () => done(result));
  }

  readonly took = (): void => undefined;

  #expectedMs(rows: number): number {
    return this.#msOf.get(powerOf(rows)) ?? Number.POSITIVE_INFINITY;
  }
}

function powerOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}
