import type { Arrival, BatchFacts } from '../../engine/inference.ts';
import { IdsTable } from '../ids.ts';
import { TimeAccount } from '../time-account.ts';
import type { FlightRecord } from './flight-record.ts';
import { RecentBatches } from './recent-batches.ts';

/** What many requests have in common, one object for all that come one after the other. */
type Common = Pick<FlightRecord, 'tenant' | 'method' | 'route' | 'model' | 'version' | 'threads'>;

/** What few requests have. The request id is absent where it is the trace id. */
type Oddities = Pick<FlightRecord, 'failure' | 'kept'> & { readonly requestId: string | undefined };

const numbersEach = 16;
const noBatch = -1;

/**
 * The last so many requests, taken apart: numbers in one array, ids in another, words in others, made into records again when somebody asks. As objects of
 * their own they outlived each collection of garbage, which then copied a megabyte: as much time as all other telemetry of a request together.
 */
export class RecentFlights {
  readonly #max: number;
  readonly #numbers: Float64Array;
  readonly #common: Common[] = [];
  readonly #ids: IdsTable;
  readonly #odd: (Oddities | undefined)[] = [];
  /** Those of the requests, each once for all members that end one after the other: there are never more than requests. */
  readonly #batches: RecentBatches;
  #batch: BatchFacts | undefined;
  #batchRow = noBatch;
  #next = 0;

  constructor(max: number) {
    this.#max = max;
    this.#numbers = new Float64Array(max * numbersEach);
    this.#ids = new IdsTable(max);
    this.#batches = new RecentBatches(max);
  }

  add(record: FlightRecord): void {
    const at = this.#next;
    this.#next = at + 1 === this.#max ? 0 : at + 1;
    const { ids, requestId, account, arrival, failure, kept, batch } = record;
    this.#common[at] = this.#commonOf(record, at);
    this.#ids.set(at, ids);
    const ownId = requestId === ids.traceId ? undefined : requestId;
    this.#odd[at] = (ownId ?? failure ?? kept) ? { requestId: ownId, failure, kept } : undefined;
    if (batch !== this.#batch) {
      this.#batch = batch;
      this.#batchRow = batch ? this.#batches.add(batch) : noBatch;
    }
    const numbers = this.#numbers;
    const from = at * numbersEach;
    numbers[from] = record.startedAt;
    numbers[from + 1] = record.tookMs;
    numbers[from + 2] = record.status;
    account.writeStages(numbers, from + 3);
    numbers[from + 11] = this.#batchRow;
    numbers[from + 12] = arrival ? arrival.waiting : Number.NaN;
    if (!arrival) return;
    numbers[from + 13] = arrival.waitingBytes;
    numbers[from + 14] = arrival.running;
    numbers[from + 15] = arrival.predictedWaitMs;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<FlightRecord> {
    const { length } = this.#common;
    for (let back = 1; back <= length; back += 1) yield this.#record((this.#next - back + length) % length);
  }

  #record(at: number): FlightRecord {
    const numbers = this.#numbers.subarray(at * numbersEach, (at + 1) * numbersEach);
    const startedAt = numbers[0]!;
    const ids = this.#ids.get(at);
    const odd = this.#odd[at];
    return {
      ...this.#common[at]!,
      ids,
      requestId: odd?.requestId ?? ids.traceId,
      status: numbers[2]!,
      failure: odd?.failure,
      kept: odd?.kept,
      startedAt,
      tookMs: numbers[1]!,
      account: TimeAccount.read(startedAt, numbers, 3),
      arrival: arrivalOf(numbers),
      batch: numbers[11] === noBatch ? undefined : this.#batches.at(numbers[11]!),
    };
  }

  #commonOf({ tenant, method, route, model, version, threads }: FlightRecord, at: number): Common {
    const last = this.#common[at === 0 ? this.#max - 1 : at - 1];
    const isSame =
      last !== undefined &&
      last.model === model &&
      last.route === route &&
      last.tenant === tenant &&
      last.version === version &&
      last.method === method &&
      last.threads === threads;
    return isSame ? last : { tenant, method, route, model, version, threads };
  }
}

function arrivalOf(numbers: Float64Array): Arrival | undefined {
  const [waiting, waitingBytes, running, predictedWaitMs] = numbers.subarray(12) as unknown as [
    number,
    number,
    number,
    number,
  ];
  return Number.isNaN(waiting) ? undefined : { waiting, waitingBytes, running, predictedWaitMs };
}
