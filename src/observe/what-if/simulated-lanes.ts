import type { RunResult } from '../../engine/lanes/lane.ts';
import type { LaneRun, RunEnd, SessionReport } from '../../engine/lanes/lane-messages.ts';
import type { LanePool, PooledLane } from '../../engine/lanes/lane-pool.ts';
import type { RunTimes } from './run-times.ts';
import type { SharedCores } from './shared-cores.ts';

/** What a replay's run has for inputs: one tensor with the places of its requests. */
export function placesIn({ inputs }: LaneRun): ArrayLike<number> {
  return inputs[0]!.data as Int32Array;
}

/** What a replay adds up. */
export type Effort = { messages: number; onEventLoop: number; busyMs: number };

type LanesOptions = {
  readonly count: number;
  readonly kind: 'thread' | 'process';
  readonly times: RunTimes;
  readonly cores: SharedCores;
  readonly overheadMs: number;
  readonly effort: Effort;
  readonly report: SessionReport;
};

/** Lanes that take as long as the recorded ones did, and run nothing. */
export class SimulatedLanes implements LanePool {
  readonly report: SessionReport;
  readonly count: number;
  readonly #idle: PooledLane[] = [];
  onFree: () => void = () => undefined;

  constructor({ count, kind, times, cores, overheadMs, effort, report }: LanesOptions) {
    this.report = report;
    this.count = count;
    for (let lane = 0; lane < count; lane += 1)
      this.#idle.push({
        kind,
        name: `${kind}-${lane}`,
        report,
        run: (runs, _transfer, done) => {
          const took = runsOf(runs, times, false);
          const ms = took.isApart ? took.ms + overheadMs : took.ms;
          effort.messages += 1;
          effort.busyMs += ms;
          cores.run(ms, () => done(took.result));
        },
      });
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  take(): PooledLane | undefined {
    return this.#idle.pop();
  }

  giveBack(lane: PooledLane): void {
    this.#idle.push(lane);
  }

  /** A run of a replay ends, however long it takes. */
  readonly giveUp = (): void => undefined;
}

/** How long the runs of a message take, and what it answers: nothing but times. */
export function runsOf(
  runs: readonly LaneRun[],
  times: RunTimes,
  isOnEventLoop: boolean,
): { readonly ms: number; readonly isApart: boolean; readonly result: RunResult } {
  const isApart = runs.length > 1;
  const ends = runs.map((run): RunEnd & { sessionMs: number } => {
    const places = placesIn(run);
    const sessionMs =
      places.length === 1 ? times.apartMs(places[0]!, isOnEventLoop) : times.sharedMs(places, isOnEventLoop);
    return { kind: 'ran', outputs: [], sessionMs, cpuMs: 0 };
  });
  // A request that runs alone is measured with its message, as it was recorded.
  const ms = isApart
    ? ends.reduce((sum, { sessionMs }) => sum + sessionMs, 0)
    : times.sharedMs(placesIn(runs[0]!), isOnEventLoop);
  return { ms, isApart, result: { kind: 'done', ends } };
}
