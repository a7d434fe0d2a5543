import type { BatchFacts } from '../engine/inference.ts';
import type { TaskStages } from '../observe/stages.ts';
import { type Stretch, waitingName } from './threads/task-clock.ts';

/** One call of the engine, in milliseconds since the epoch. */
export type EngineCall = {
  readonly startMs: number;
  readonly endMs: number;
  /**
   * When a lane began with it, or with the last attempt of one that was repeated; absent where none
   * did.
   */
  readonly ranFromMs: number | undefined;
  readonly batch: BatchFacts | undefined;
};

type Interval = { readonly fromMs: number; readonly toMs: number };

/** Beyond it the waits of a long task are merged, and recorded a little less exactly. */
const intervalsMax = 20_000;

/**
 * Where the time of a task goes, from what happened in its thread and in the lanes that worked for
 * it.
 */
export class TaskTime {
  readonly #startMs: number;
  readonly #spent = { decode: 0, queue: 0, work: 0, encode: 0, write: 0 };
  /** When the thread waited for the engine, and when lanes worked for it. */
  readonly #waits: Interval[] = [];
  readonly #runs: Interval[] = [];
  #waitingForThreadSinceMs: number | undefined;
  #callsOut = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  waitsForThread(sinceMs: number): void {
    this.#waitingForThreadSinceMs = sinceMs;
  }

  threadBegan(atMs: number): void {
    if (this.#waitingForThreadSinceMs === undefined) return;
    this.#spent.queue += Math.max(0, atMs - this.#waitingForThreadSinceMs);
    this.#waitingForThreadSinceMs = undefined;
  }

  spent({ name, startMs, tookMs }: Stretch): void {
    if (name === waitingName) add(this.#waits, { fromMs: startMs, toMs: startMs + tookMs });
    else this.#spent[stageOf(name)] += tookMs;
  }

  callBegan(): void {
    this.#callsOut += 1;
  }

  callEnded({ ranFromMs, endMs }: EngineCall): void {
    this.#callsOut -= 1;
    if (ranFromMs !== undefined) add(this.#runs, { fromMs: ranFromMs, toMs: endMs });
  }

  /**
   * Until now. While it is worked on, what its thread has not reported belongs to what it is known to
   * do.
   */
  stages(nowMs: number): TaskStages {
    const waited = lengthOf(this.#waits);
    const ran = overlap(this.#waits, this.#runs);
    const stages = { ...this.#spent, queue: this.#spent.queue + waited - ran, run: ran };
    const booked = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
    const unreported = Math.max(0, nowMs - this.#startMs - booked);
    if (this.#waitingForThreadSinceMs !== undefined) stages.queue += nowMs - this.#waitingForThreadSinceMs;
    else if (this.#callsOut > 0) stages.run += unreported;
    return stages;
  }
}

function stageOf(step: string): 'decode' | 'work' | 'encode' | 'write' {
  if (step === 'audio.decode') return 'decode';
  if (step === 'audio.encode') return 'encode';
  return step.startsWith('files.') ? 'write' : 'work';
}

function add(intervals: Interval[], interval: Interval): void {
  const last = intervals.at(-1);
  if (last === undefined || intervals.length < intervalsMax) intervals.push(interval);
  else intervals[intervals.length - 1] = { fromMs: last.fromMs, toMs: interval.toMs };
}

function lengthOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}

/** How long some of `runs`, which may overlap each other, fell into `waits`, which do not. */
function overlap(waits: readonly Interval[], runs: readonly Interval[]): number {
  const sorted = [...runs].sort((one, other) => one.fromMs - other.fromMs);
  let ms = 0;
  let first = 0;
  for (const { fromMs, toMs } of waits) {
    while (first < sorted.length && sorted[first]!.toMs <= fromMs) first += 1;
    let coveredToMs = fromMs;
    for (let at = first; at < sorted.length && sorted[at]!.fromMs < toMs; at += 1) {
      const run = sorted[at]!;
      const endMs = Math.min(run.toMs, toMs);
      if (endMs <= coveredToMs) continue;
      ms += endMs - Math.max(run.fromMs, coveredToMs);
      coveredToMs = endMs;
    }
  }
  return ms;
}
