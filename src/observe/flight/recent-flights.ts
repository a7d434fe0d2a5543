import type { BatchFacts } from '../../engine/inference.ts';
import type { Fault } from '../../errors.ts';
import { FairRing } from './fair-ring.ts';
import { type FlightRecord, faultOfRecord, type RequestWords } from './flight-record.ts';
import { RecentBatches } from './recent-batches.ts';
import { noBatch, type RequestRow } from './request-row.ts';
import { RequestTable } from './request-table.ts';

/** Which requests are asked for; what is undefined may be anything. */
export type FlightFilter = {
  readonly tenant: string | undefined;
  readonly model: string | undefined;
  readonly fault: Fault | undefined;
  /** In the milliseconds of performance.now(). */
  readonly endedSinceMs: number;
};

/** What many requests have in common, one object for all that come one after the other. */
type Common = Pick<RequestWords, 'tenant' | 'method' | 'route' | 'model' | 'task' | 'version' | 'threads'>;

/** What few requests have. The request id is absent where it is the trace id. */
type Rare = Pick<FlightRecord, 'failure' | 'kept' | 'sentence' | 'inputs' | 'waits' | 'steps'> & {
  readonly requestId: string | undefined;
};

/**
 * The last so many requests: their rows stay in the table, and records are made of them when
 * somebody asks. As objects they outlived each collection of garbage, which then copied a megabyte.
 * A tenant who sends the most pushes out its own requests first (fair-rows.ts).
 */
export class RecentFlights {
  /** Where requests are from their first byte. */
  readonly table: RequestTable;
  readonly #rows: FairRing<number>;
  /** By row; undefined: the request is in flight, or nobody's. */
  readonly #common: (Common | undefined)[] = [];
  readonly #rare: (Rare | undefined)[] = [];
  /** The batches of these requests, each once for all members that end one after the other. */
  readonly #batches: RecentBatches;
  #batch: BatchFacts | undefined;
  #batchNumber = noBatch;
  #lastCommon: Common | undefined;
  #forgottenUntil = 0;
  /** When waits were last read, and what was forgotten before it was. */
  #waitsReadAt = 0;
  #unreadWaitMs = 0;

  constructor(max: number) {
    this.table = new RequestTable(max + inFlightAtFirst);
    this.#rows = new FairRing(max);
    this.#batches = new RecentBatches(max);
  }

  /** Takes over the row of a request that has ended; answers where it is. */
  add(request: RequestRow, words: RequestWords): number {
    const { batch, ids, steps } = request;
    if (batch !== this.#batch) {
      this.#batch = batch;
      this.#batchNumber = batch ? this.#batches.add(batch) : noBatch;
    }
    const row = request.store(this.#batchNumber);
    const { requestId, failure, kept, sentence, inputs, waits } = words;
    const ownId = requestId === ids.traceId ? undefined : requestId;
    while (this.#common.length <= row) this.#rare[this.#common.push(undefined) - 1] = undefined;
    this.#common[row] = this.#commonOf(words);
    this.#rare[row] =
      (ownId ?? failure ?? kept ?? waits ?? steps)
        ? { requestId: ownId, failure, kept, sentence, inputs, waits, steps }
        : undefined;
    const pushedOut = this.#rows.add(words.tenant, row);
    if (pushedOut !== undefined) {
      const endedAt = this.table.number(pushedOut, 'startedAt') + this.table.number(pushedOut, 'tookMs');
      if (endedAt > this.#forgottenUntil) this.#forgottenUntil = endedAt;
      if (this.table.number(pushedOut, 'markedAt') > this.#waitsReadAt)
        this.#unreadWaitMs += this.table.number(pushedOut, 'queue');
      this.#common[pushedOut] = undefined;
      this.#rare[pushedOut] = undefined;
      this.table.free(pushedOut);
    }
    return row;
  }

  /** The end of the newest one that was forgotten; 0: none was. */
  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  /**
   * The newest that match, at most so many. Of the others nothing is made: it is asked for while
   * others are served.
   */
  newest({ tenant, model, fault, endedSinceMs }: FlightFilter, most: number): FlightRecord[] {
    const found: FlightRecord[] = [];
    for (const row of this.#rows) {
      if (found.length >= most) break;
      const common = this.#common[row]!;
      if ((tenant !== undefined && common.tenant !== tenant) || (model !== undefined && common.model !== model))
        continue;
      if (fault !== undefined && this.#faultOf(row) !== fault) continue;
      // They were added when they ended.
      if (this.table.number(row, 'startedAt') + this.table.number(row, 'tookMs') < endedSinceMs) break;
      found.push(this.record(row));
    }
    return found;
  }

  /** The requests with this request id, trace id or span id. */
  named(id: string): FlightRecord[] {
    const rows = new Set(this.table.ids.rowsOf(id, this.table.size).filter((row) => this.#common[row]));
    for (let row = 0; row < this.#rare.length; row += 1) if (this.#rare[row]?.requestId === id) rows.add(row);
    return [...rows].map((row) => this.record(row));
  }

  /** The members of many batches, each batch by when it began. */
  membersByStart(starts: ReadonlySet<number>): Map<number, FlightRecord[]> {
    const found = new Map<number, FlightRecord[]>();
    for (const row of this.#rows) {
      const start = this.#batches.startOf(this.table.number(row, 'batch'));
      if (start === undefined || !starts.has(start)) continue;
      const members = found.get(start);
      if (members) members.push(this.record(row));
      else found.set(start, [this.record(row)]);
    }
    return found;
  }

  /**
   * All that ended since then, the newest first. Who takes breaks meanwhile is given none that ended
   * after the beginning.
   */
  *since(endedSinceMs: number): Generator<FlightRecord> {
    const now = performance.now();
    for (const row of [...this.#rows]) {
      if (!this.#common[row]) continue;
      const endedAt = this.table.number(row, 'startedAt') + this.table.number(row, 'tookMs');
      if (endedAt >= endedSinceMs && endedAt <= now) yield this.record(row);
    }
  }

  /**
   * Gives how long each request waited that was added since the last reading, the newest first.
   * Answers how long those waited that were forgotten before. Its rows are good until the next turn.
   */
  readWaits(take: (tenant: string, model: string, waitedMs: number, row: number) => void): number {
    const { table } = this;
    for (const row of this.#rows) {
      // The last mark is the end, also where the answer was sent while it was made.
      if (table.number(row, 'markedAt') <= this.#waitsReadAt) break;
      const waitedMs = table.number(row, 'queue');
      const { tenant, model } = this.#common[row]!;
      if (waitedMs > 0 && model !== undefined) take(tenant, model, waitedMs, row);
    }
    const forgottenMs = this.#unreadWaitMs;
    this.#unreadWaitMs = 0;
    this.#waitsReadAt = performance.now();
    return forgottenMs;
  }

  /** The members of a batch, the newest first. */
  membersOf(batch: BatchFacts): FlightRecord[] {
    const members: FlightRecord[] = [];
    for (const row of this.#rows)
      if (this.#batches.isAt(this.table.number(row, 'batch'), batch)) members.push(this.record(row));
    return members;
  }

  record(row: number): FlightRecord {
    const { table } = this;
    const ids = table.ids.get(row);
    const rare = this.#rare[row];
    return {
      ...this.#common[row]!,
      ids,
      requestId: rare?.requestId ?? ids.traceId,
      ...table.numbersOf(row),
      failure: rare?.failure,
      kept: rare?.kept,
      sentence: rare?.sentence,
      inputs: rare?.inputs,
      waits: rare?.waits,
      steps: rare?.steps,
      batch: this.#batches.at(table.number(row, 'batch')),
    };
  }

  #faultOf(row: number): Fault | undefined {
    return faultOfRecord({ failure: this.#rare[row]?.failure, status: this.table.number(row, 'status') });
  }

  #commonOf({ tenant, method, route, model, task, version, threads }: RequestWords): Common {
    const last = this.#lastCommon;
    const isSame =
      last !== undefined &&
      last.model === model &&
      last.task === task &&
      last.route === route &&
      last.tenant === tenant &&
      last.version === version &&
      last.method === method &&
      last.threads === threads;
    if (isSame) return last;
    this.#lastCommon = { tenant, method, route, model, task, version, threads };
    return this.#lastCommon;
  }
}

/** The table grows where more are in flight. */
const inFlightAtFirst = 256;
