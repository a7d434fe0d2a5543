import { type Fault, faults } from '../../errors.ts';
import type { TaskKind } from '../../task-kinds.ts';
import { LastFound } from '../last-found.ts';

/**
 * How long requests took, by model and by what it was used for, over the last so many minutes, in
 * bounded memory. Each minute of each model counts its requests in buckets that grow by 4 %, from
 * 10 µs to 1000 s: a percentile is off by 2 % at most. Count, mean, least, most and failures are
 * exact.
 */
export class LatencyWindow {
  readonly #minutesMax: number;
  readonly #modelsMax: number;
  /** By what a model was used for: the two words joined. */
  readonly #minutes = new Map<number, Map<string, Tally>>();
  readonly #last = new LastFound<Tally>();

  constructor(limits: { minutesMax: number; modelsMax: number }) {
    this.#minutesMax = limits.minutesMax;
    this.#modelsMax = limits.modelsMax;
  }

  /** `atMs`: when it ended, in the milliseconds of performance.now(). */
  add(model: string, task: TaskKind | undefined, atMs: number, tookMs: number, fault: Fault | undefined): void {
    const minute = Math.floor(atMs / 60_000);
    const tally =
      this.#last.get(minute, model, task) ?? this.#last.set(this.#tally(minute, model, task), minute, model, task);
    tally.add(tookMs, fault);
  }

  /**
   * The minute that is going on and as many whole ones before it. `fromMs` is where the first of
   * them began.
   */
  summary(minutes: number, nowMs: number): { fromMs: number; uses: LatencySummary[] } {
    const { fromMs, uses } = this.tallies(minutes, nowMs);
    return { fromMs, uses: latencySummaries(uses) };
  }

  /** The same, to be added to that of other processes. */
  tallies(minutes: number, nowMs: number): { fromMs: number; uses: LatencyTally[] } {
    const first = Math.floor(nowMs / 60_000) - minutes;
    const sums = new Map<string, Tally>();
    for (const [minute, uses] of this.#minutes) {
      if (minute < first) continue;
      for (const [use, tally] of uses) {
        const sum = sums.get(use) ?? new Tally(tally.model, tally.task);
        sum.addTally(tally);
        sums.set(use, sum);
      }
    }
    return { fromMs: Math.max(0, first * 60_000), uses: [...sums.values()].map((tally) => tally.all) };
  }

  #tally(minute: number, model: string, task: TaskKind | undefined): Tally {
    const uses = this.#minutes.get(minute) ?? this.#begin(minute);
    return uses.get(`${model}\0${task ?? ''}`) ?? this.#beginUse(uses, model, task);
  }

  #begin(minute: number): Map<string, Tally> {
    for (const known of this.#minutes.keys()) if (known < minute - this.#minutesMax) this.#minutes.delete(known);
    const uses = new Map<string, Tally>();
    this.#minutes.set(minute, uses);
    return uses;
  }

  #beginUse(uses: Map<string, Tally>, model: string, task: TaskKind | undefined): Tally {
    const isOther = uses.size >= this.#modelsMax;
    const key = isOther ? otherModels : `${model}\0${task ?? ''}`;
    const tally = uses.get(key) ?? (isOther ? new Tally(otherModels, undefined) : new Tally(model, task));
    uses.set(key, tally);
    return tally;
  }
}

/** The sums of several processes, each use once. */
export function latencySummaries(tallies: readonly LatencyTally[]): LatencySummary[] {
  const sums = new Map<string, Tally>();
  for (const tally of tallies) {
    const use = `${tally.model}\0${tally.task ?? ''}`;
    const sum = sums.get(use) ?? new Tally(tally.model, tally.task);
    sum.addAll(tally);
    sums.set(use, sum);
  }
  const byName = [...sums].sort(([one], [other]) => one.localeCompare(other));
  return byName.map(([, tally]) => tally.summary());
}

/** Models beyond the limit are added up under this. */
export const otherModels = '(others)';

/** The requests of one use, in a form that adds up over processes. */
export type LatencyTally = {
  readonly model: string;
  readonly task: TaskKind | undefined;
  readonly count: number;
  readonly failures: Readonly<Record<Fault, number>>;
  readonly sumMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Buckets that hold something, with their count. */
  readonly buckets: readonly (readonly [number, number])[];
};

type Figures = Pick<LatencyTally, 'count' | 'failures' | 'sumMs' | 'minMs' | 'maxMs'>;

export type LatencySummary = {
  model: string;
  /** Absent for inferences. */
  task: TaskKind | undefined;
  count: number;
  failures: number;
  /** The failures by whose they are. */
  byFault: Record<Fault, number>;
  minMs: number;
  meanMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
};

const growth = 1.04;
const leastMs = 0.01;
const bucketCount = Math.ceil(Math.log(1e8) / Math.log(growth)) + 2;
const perGrowth = 1 / Math.log(growth);

class Tally {
  readonly #buckets = new Uint32Array(bucketCount);
  readonly model: string;
  readonly task: TaskKind | undefined;
  readonly #failures = { caller: 0, left: 0, server: 0 };
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  constructor(model: string, task: TaskKind | undefined) {
    this.model = model;
    this.task = task;
  }

  add(tookMs: number, fault: Fault | undefined): void {
    const at =
      tookMs <= leastMs ? 0 : Math.min(bucketCount - 1, 1 + Math.floor(Math.log(tookMs / leastMs) * perGrowth));
    this.#buckets[at]! += 1;
    this.#count += 1;
    this.#sumMs += tookMs;
    if (fault !== undefined) this.#failures[fault] += 1;
    if (tookMs < this.#minMs) this.#minMs = tookMs;
    if (tookMs > this.#maxMs) this.#maxMs = tookMs;
  }

  addAll(other: LatencyTally): void {
    for (const [at, some] of other.buckets) this.#buckets[at]! += some;
    this.#addFigures(other);
  }

  #addFigures({ count, failures, sumMs, minMs, maxMs }: Figures): void {
    this.#count += count;
    for (const fault of faults) this.#failures[fault] += failures[fault];
    this.#sumMs += sumMs;
    this.#minMs = Math.min(this.#minMs, minMs);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
  }

  addTally(other: Tally): void {
    for (let at = 0; at < bucketCount; at += 1) this.#buckets[at]! += other.#buckets[at]!;
    this.#addFigures(other.#figures);
  }

  get all(): LatencyTally {
    return {
      model: this.model,
      task: this.task,
      ...this.#figures,
      buckets: [...this.#buckets].flatMap((some, at) => (some > 0 ? [[at, some] as const] : [])),
    };
  }

  get #figures(): Figures {
    return {
      count: this.#count,
      failures: this.#failures,
      sumMs: this.#sumMs,
      minMs: this.#minMs,
      maxMs: this.#maxMs,
    };
  }

  summary(): LatencySummary {
    const { caller, left, server } = this.#failures;
    return {
      model: this.model,
      task: this.task,
      count: this.#count,
      failures: caller + left + server,
      byFault: { caller, left, server },
      minMs: this.#minMs,
      meanMs: this.#sumMs / this.#count,
      p50Ms: this.#percentile(0.5),
      p95Ms: this.#percentile(0.95),
      p99Ms: this.#percentile(0.99),
      maxMs: this.#maxMs,
    };
  }

  /** The middle, by proportion, of the bucket that holds the request of this rank. */
  #percentile(part: number): number {
    const rank = Math.max(1, Math.ceil(part * this.#count));
    let passed = 0;
    let at = 0;
    while (at < bucketCount - 1) {
      passed += this.#buckets[at]!;
      if (passed >= rank) break;
      at += 1;
    }
    const middleMs = at === 0 ? leastMs : leastMs * growth ** (at - 0.5);
    return Math.min(this.#maxMs, Math.max(this.#minMs, middleMs));
  }
}
