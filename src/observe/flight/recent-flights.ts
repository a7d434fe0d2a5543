import type { BatchFacts } from '../../engine/inference.ts';
import type { Fault } from '../../errors.ts';
import { IdsTable } from '../../telemetry/ids.ts';
import { rememberedNumbers, TimeAccount } from '../time-account.ts';
import { FairRows } from './fair-rows.ts';
import { type FlightRecord, faultOfRecord } from './flight-record.ts';
import { RecentBatches } from './recent-batches.ts';

/** Which requests are asked for; what is undefined may be anything. */
export type FlightFilter = {
  readonly tenant: string | undefined;
  readonly model: string | undefined;
  readonly fault: Fault | undefined;
  /** In the milliseconds of performance.now(). */
  readonly endedSinceMs: number;
};

/** What many requests have in common, one object for all that come one after the other. */
type Common = Pick<FlightRecord, 'tenant' | 'method' | 'route' | 'model' | 'task' | 'version' | 'threads'>;

/** What few requests have. The request id is absent where it is the trace id. */
type Oddities = Pick<FlightRecord, 'failure' | 'kept' | 'sentence' | 'inputs'> & {
  readonly requestId: string | undefined;
};

/** Of a request's numbers, the account's are the first. */
const [statusPlace, batchPlace] = [rememberedNumbers, rememberedNumbers + 1] as const;
const numbersEach = rememberedNumbers + 2;
const noBatch = -1;

/**
 * The last so many requests, taken apart: numbers in one array, ids in another, words in others, made into records again when somebody asks. As objects of
 * their own they outlived each collection of garbage, which then copied a megabyte: as much time as all other telemetry of a request together.
 * Whoever sends the most pushes out its own requests first (fair-rows.ts).
 */
export class RecentFlights {
  readonly #numbers: Float64Array;
  readonly #common: Common[] = [];
  readonly #ids: IdsTable;
  readonly #odd: (Oddities | undefined)[] = [];
  /** Those of the requests, each once for all members that end one after the other: there are never more than requests. */
  readonly #batches: RecentBatches;
  #batch: BatchFacts | undefined;
  #batchNumber = noBatch;
  readonly #rows: FairRows;
  #lastCommon: Common | undefined;

  constructor(max: number) {
    this.#rows = new FairRows(max);
    this.#numbers = new Float64Array(max * numbersEach);
    this.#ids = new IdsTable(max);
    this.#batches = new RecentBatches(max);
  }

  add(record: FlightRecord): void {
    const at = this.#rows.take(record.tenant);
    const { ids, requestId, account, failure, kept, sentence, inputs, batch } = record;
    this.#common[at] = this.#commonOf(record);
    this.#ids.set(at, ids);
    const ownId = requestId === ids.traceId ? undefined : requestId;
    this.#odd[at] = (ownId ?? failure ?? kept) ? { requestId: ownId, failure, kept, sentence, inputs } : undefined;
    if (batch !== this.#batch) {
      this.#batch = batch;
      this.#batchNumber = batch ? this.#batches.add(batch) : noBatch;
    }
    const numbers = this.#numbers;
    const from = at * numbersEach;
    account.writeTo(numbers, from);
    numbers[from + statusPlace] = record.status;
    numbers[from + batchPlace] = this.#batchNumber;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<FlightRecord> {
    for (const at of this.#rows) yield this.#record(at);
  }

  /** The newest that match, at most so many. Of the others nothing is made again: it is asked for while others are served. */
  newest({ tenant, model, fault, endedSinceMs }: FlightFilter, most: number): FlightRecord[] {
    const found: FlightRecord[] = [];
    for (const at of this.#rows) {
      if (found.length >= most) break;
      const common = this.#common[at]!;
      if ((tenant !== undefined && common.tenant !== tenant) || (model !== undefined && common.model !== model))
        continue;
      if (fault !== undefined && this.#faultOf(at) !== fault) continue;
      const record = this.#record(at);
      // They were added when they ended.
      if (record.startedAt + record.tookMs < endedSinceMs) break;
      found.push(record);
    }
    return found;
  }

  /** Those with this request id, trace id or span id. Only they are made again, as of all that is looked for here: it is asked for while others are served. */
  named(id: string): FlightRecord[] {
    const rows = new Set(this.#ids.rowsOf(id, this.#rows.size));
    for (let at = 0; at < this.#odd.length; at += 1) if (this.#odd[at]?.requestId === id) rows.add(at);
    return [...rows].map((at) => this.#record(at));
  }

  /** The members of a batch, the newest first. */
  membersOf(batch: BatchFacts): FlightRecord[] {
    const members: FlightRecord[] = [];
    for (const at of this.#rows) {
      const number = this.#numbers[at * numbersEach + batchPlace]!;
      if (this.#batches.isAt(number, batch)) members.push(this.#record(at));
    }
    return members;
  }

  #faultOf(at: number): Fault | undefined {
    return faultOfRecord({ failure: this.#odd[at]?.failure, status: this.#numbers[at * numbersEach + statusPlace]! });
  }

  #record(at: number): FlightRecord {
    const numbers = this.#numbers.subarray(at * numbersEach, (at + 1) * numbersEach);
    const account = TimeAccount.read(numbers, 0);
    const ids = this.#ids.get(at);
    const odd = this.#odd[at];
    return {
      ...this.#common[at]!,
      ids,
      requestId: odd?.requestId ?? ids.traceId,
      status: numbers[statusPlace]!,
      failure: odd?.failure,
      kept: odd?.kept,
      sentence: odd?.sentence,
      inputs: odd?.inputs,
      startedAt: account.startedAt,
      tookMs: account.tookMs,
      account,
      batch: this.#batches.at(numbers[batchPlace]!),
    };
  }

  #commonOf({ tenant, method, route, model, task, version, threads }: FlightRecord): Common {
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
