import type { BatchMember, EngineObserver, LoadFacts } from '../../engine/engine-observer.ts';
import type { BatchFacts } from '../../engine/inference.ts';
import { type FailureCode, faultOf } from '../../errors.ts';
import type { Span } from '../../spans-of-time.ts';
import type { TaskKind } from '../../task-kinds.ts';
import { MachineRecord } from '../../telemetry/host/machine-record.ts';
import { isSameBatch } from '../batch-attributes.ts';
import { FairRing } from './fair-ring.ts';
import { type FlightRecord, faultOfRecord, isFailed, type RequestWords } from './flight-record.ts';
import { type LatencyTally, LatencyWindow } from './latency-window.ts';
import { RecentBatches, type StoredBatch } from './recent-batches.ts';
import { type FlightFilter, RecentFlights } from './recent-flights.ts';
import type { RequestRow } from './request-row.ts';
import type { RequestTable } from './request-table.ts';
import { Ring } from './ring.ts';
import { type KindRuns, RunKinds } from './run-kinds.ts';
import { SlowestRequests } from './slowest-requests.ts';

export type FlightLimits = {
  /**
   * Requests remembered: the last ones; as many of the slowest, and a quarter as many of the
   * failed, are remembered longer.
   */
  recordsMax: number;
  batchesMax: number;
  minutesMax: number;
  /** What is recorded of the machine; left out: nothing is. */
  machine?: MachineRecord;
};

const modelsMax = 256;
const loadsMax = 256;

/** What else a machine did while a request was in it. */
export type Competition = {
  batches: StoredBatch[];
  loads: LoadFacts[] /** False: some of that time is forgotten already. */;
  isWhole: boolean;
};

/**
 * Remembers the last requests as they were, kept trace or not, and what else ran at the time. It
 * counts on memory only: a restart forgets all. Recording costs some writes; what is asked for is
 * looked up then.
 */
export class FlightRecorder implements Partial<EngineObserver> {
  readonly #recent: RecentFlights;
  readonly #failed: FairRing<FlightRecord>;
  readonly #slowest: SlowestRequests;
  readonly #latency: LatencyWindow;
  readonly #batches: RecentBatches;
  readonly #loads = new Ring<LoadFacts>(loadsMax);
  readonly #kinds = new RunKinds();

  readonly machine: MachineRecord;

  constructor({ recordsMax, batchesMax, minutesMax, machine = new MachineRecord() }: FlightLimits) {
    this.machine = machine;
    this.#recent = new RecentFlights(recordsMax);
    this.#failed = new FairRing(Math.max(1, Math.floor(recordsMax / 4)));
    this.#slowest = new SlowestRequests(recordsMax);
    this.#batches = new RecentBatches(batchesMax);
    this.#latency = new LatencyWindow({ minutesMax, modelsMax });
  }

  /** Where requests write their numbers from the first byte on. */
  get table(): RequestTable {
    return this.#recent.table;
  }

  /** Takes over the row of a request that has ended. */
  add(row: RequestRow, words: RequestWords): void {
    const { startedAt, tookMs } = row;
    const { method, model, failure, tenant } = words;
    const failed = isFailed({ failure, status: row.status });
    // Probes and pages that succeed would push out the rest.
    if (method === 'GET' && !failed && model === undefined) {
      row.release();
      return;
    }
    this.#kinds.add(row, words);
    const at = this.#recent.add(row, words);
    const isSlow = this.#slowest.wants({ model, startedAt, tookMs, tenant });
    if (!failed && !isSlow) return;
    const record = this.#recent.record(at);
    if (failed) this.#failed.add(record.tenant, record);
    if (isSlow) this.#slowest.add(record);
  }

  /** A model was used, by a request or by a job. */
  used(
    model: string,
    task: TaskKind | undefined,
    { startedAt, tookMs }: Pick<RequestRow, 'startedAt' | 'tookMs'>,
    failure: FailureCode | undefined,
  ): void {
    this.#latency.add(model, task, startedAt + tookMs, tookMs, failure && faultOf(failure));
  }

  batchEnded(batch: BatchFacts, members?: readonly BatchMember[]): void {
    this.#batches.add(batch, members);
  }

  modelLoaded(load: LoadFacts): void {
    this.#loads.add(load);
  }

  /** By request id, trace id or span id, the newest first. */
  find(id: string): FlightRecord[] {
    const isIt = ({ requestId, ids }: FlightRecord) => requestId === id || ids.traceId === id || ids.spanId === id;
    return this.#eachOnce(this.#recent.named(id), isIt).sort(byNewest);
  }

  list(order: 'recent' | 'failed' | 'slowest', filter: FlightFilter, most: number): FlightRecord[] {
    const matches = (record: FlightRecord) =>
      (filter.tenant === undefined || record.tenant === filter.tenant) &&
      (filter.model === undefined || record.model === filter.model) &&
      (filter.fault === undefined || faultOfRecord(record) === filter.fault) &&
      record.startedAt + record.tookMs >= filter.endedSinceMs;
    switch (order) {
      case 'recent':
        return this.#recent.newest(filter, most);
      case 'failed':
        return first(this.#failed, matches, most);
      case 'slowest':
        return [...this.#slowest]
          .filter(matches)
          .sort((one, other) => other.tookMs - one.tookMs)
          .slice(0, most);
    }
  }

  /** How long requests took, to be added to what other processes know. */
  tallies(minutes: number): { fromMs: number; uses: LatencyTally[] } {
    return this.#latency.tallies(minutes, performance.now());
  }

  /** Who else was in the batch of a request, as far as they are remembered. */
  matesOf(record: FlightRecord): FlightRecord[] {
    const { batch, ids } = record;
    if (!batch) return [];
    return this.#eachOnce(this.#recent.membersOf(batch), (other) => isSameBatch(other.batch, batch)).filter(
      (other) => other.ids.spanId !== ids.spanId,
    );
  }

  /**
   * The last requests that match, and what else is remembered longer and is looked for, each once.
   */
  #eachOnce(recent: readonly FlightRecord[], matches: (record: FlightRecord) => boolean): FlightRecord[] {
    const found = new Map(recent.map((record) => [record.ids.spanId, record]));
    for (const from of [this.#failed, this.#slowest])
      for (const record of from) if (matches(record)) found.set(record.ids.spanId, record);
    return [...found.values()];
  }

  /** Batches of others, and loads, that ran at some moment of the request. */
  competitionOf({ startedAt, tookMs, batch }: FlightRecord): Competition {
    const { batches, ...rest } = this.during({ from: startedAt, to: startedAt + tookMs });
    return { ...rest, batches: batches.filter((other) => !isSameBatch(batch, other)) };
  }

  /** All batches and loads that ran at some moment of the span, the newest first. */
  during(span: Span): Competition {
    return {
      batches: this.#batches.during(span),
      loads: [...this.#loads].filter(({ startedAt, endedAt }) => startedAt < span.to && endedAt > span.from),
      // Nothing ran before the start of the clock.
      isWhole: this.#batches.forgottenUntil <= Math.max(0, span.from),
    };
  }

  /** Of what ended later, every request and every batch is remembered. */
  get forgottenUntil(): number {
    return Math.max(this.#recent.forgottenUntil, this.#batches.forgottenUntil);
  }

  /** The last load of a model that had ended by then. */
  lastLoad(model: string, before: number): LoadFacts | undefined {
    return [...this.#loads].find((load) => load.model === model && load.result === 'ok' && load.endedAt <= before);
  }

  /** Requests like this one that nothing held up. */
  runsLike(record: FlightRecord): KindRuns | undefined {
    return this.#kinds.of(record);
  }

  /** The members of these batches, as far as they are remembered, each batch by when it began. */
  membersByStart(starts: ReadonlySet<number>): Map<number, FlightRecord[]> {
    return this.#recent.membersByStart(starts);
  }

  /** Waits that ended since the last reading: see RecentFlights. */
  readWaits(take: (tenant: string, model: string, waitedMs: number, row: number) => void): number {
    return this.#recent.readWaits(take);
  }

  /** The request in a row that `readWaits` gave in this turn. */
  recordAt(row: number): FlightRecord {
    return this.#recent.record(row);
  }

  /** The batches of a model that ran at some moment of the span. */
  batchesOf(model: string, version: string | undefined, span: Span): StoredBatch[] {
    return this.#batches.during(span, { model, version });
  }

  /** All that is remembered of the time since then, each request once, one at a time. */
  *eachSince(endedSinceMs: number): Generator<FlightRecord> {
    const seen = new Set<string>();
    for (const from of [this.#recent.since(endedSinceMs), [...this.#failed], [...this.#slowest]])
      for (const record of from) {
        if (record.startedAt + record.tookMs < endedSinceMs || seen.has(record.ids.spanId)) continue;
        seen.add(record.ids.spanId);
        yield record;
      }
  }
}

function first(from: Iterable<FlightRecord>, matches: (record: FlightRecord) => boolean, most: number): FlightRecord[] {
  const found: FlightRecord[] = [];
  for (const record of from) {
    if (found.length >= most) break;
    if (matches(record)) found.push(record);
  }
  return found;
}

function byNewest(one: FlightRecord, other: FlightRecord): number {
  return other.startedAt - one.startedAt;
}
