import type { Arrival, BatchFacts } from '../../engine/inference.ts';
import { idsBytes, readIds, writeIds } from '../ids.ts';
import type { KeptBecause } from '../kept-reasons.ts';
import { stageNames, TimeAccount } from '../time-account.ts';
import type { FlightRecord } from './flight-record.ts';

/** What many requests have in common, one object for all that come one after the other. */
type Common = Pick<FlightRecord, 'tenant' | 'method' | 'route' | 'model' | 'version' | 'threads'>;

const numbersEach = 15;

/**
 * The last so many requests, taken apart: numbers in one array, ids in another, words in others, made into records again when somebody asks. As objects of
 * their own they outlived each collection of garbage, which then copied a megabyte: as much time as all other telemetry of a request together.
 */
export class RecentFlights {
  readonly #max: number;
  readonly #numbers: Float64Array;
  readonly #common: Common[] = [];
  readonly #ids: Buffer;
  /** Absent where it is the trace id. */
  readonly #requestIds: (string | undefined)[] = [];
  readonly #failures: (string | undefined)[] = [];
  readonly #kept: (KeptBecause | undefined)[] = [];
  readonly #batches: (BatchFacts | undefined)[] = [];
  #next = 0;

  constructor(max: number) {
    this.#max = max;
    this.#numbers = new Float64Array(max * numbersEach);
    this.#ids = Buffer.alloc(max * idsBytes);
  }

  add(record: FlightRecord): void {
    const at = this.#next;
    this.#next = (at + 1) % this.#max;
    const { ids, account, arrival } = record;
    this.#common[at] = this.#commonOf(record);
    writeIds(ids, this.#ids, at * idsBytes);
    this.#requestIds[at] = record.requestId === ids.traceId ? undefined : record.requestId;
    this.#failures[at] = record.failure;
    this.#kept[at] = record.kept;
    this.#batches[at] = record.batch;
    const numbers = this.#numbers;
    const from = at * numbersEach;
    numbers[from] = record.startedAt;
    numbers[from + 1] = record.tookMs;
    numbers[from + 2] = record.status;
    numbers[from + 3] = account.receive;
    numbers[from + 4] = account.decode;
    numbers[from + 5] = account.queue;
    numbers[from + 6] = account.assemble;
    numbers[from + 7] = account.run;
    numbers[from + 8] = account.split;
    numbers[from + 9] = account.encode;
    numbers[from + 10] = account.send;
    numbers[from + 11] = arrival ? arrival.waiting : Number.NaN;
    if (!arrival) return;
    numbers[from + 12] = arrival.waitingBytes;
    numbers[from + 13] = arrival.running;
    numbers[from + 14] = arrival.predictedWaitMs;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<FlightRecord> {
    const { length } = this.#common;
    for (let back = 1; back <= length; back += 1) yield this.#record((this.#next - back + length) % length);
  }

  #record(at: number): FlightRecord {
    const numbers = this.#numbers.subarray(at * numbersEach, (at + 1) * numbersEach);
    const startedAt = numbers[0]!;
    const ids = readIds(this.#ids, at * idsBytes);
    return {
      ...this.#common[at]!,
      ids,
      requestId: this.#requestIds[at] ?? ids.traceId,
      status: numbers[2]!,
      failure: this.#failures[at],
      kept: this.#kept[at],
      startedAt,
      tookMs: numbers[1]!,
      account: TimeAccount.of(
        startedAt,
        Object.fromEntries(stageNames.map((stage, index) => [stage, numbers[3 + index]!])),
      ),
      arrival: arrivalOf(numbers),
      batch: this.#batches[at],
    };
  }

  #commonOf({ tenant, method, route, model, version, threads }: FlightRecord): Common {
    const last = this.#common[(this.#next - 2 + this.#max) % this.#max];
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
  const [waiting, waitingBytes, running, predictedWaitMs] = numbers.subarray(11) as unknown as [
    number,
    number,
    number,
    number,
  ];
  return Number.isNaN(waiting) ? undefined : { waiting, waitingBytes, running, predictedWaitMs };
}
