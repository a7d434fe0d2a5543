import { copyOf, type FlightRecord } from './flight-record.ts';

/** So many are remembered of each minute and model: as many may be asked for. */
export const slowestMax = 50;

/** The slowest requests of each minute and model, within a limit for all together: the oldest minutes go first. */
export class SlowestRequests {
  readonly #recordsMax: number;
  /** Of each minute and model. */
  readonly #eachMax: number;
  readonly #minutes = new Map<number, Map<string, FlightRecord[]>>();
  /** Most requests are of the minute and the model of the one before. */
  #last: { readonly minute: number; readonly model: string; readonly slowest: FlightRecord[] } | undefined;
  #count = 0;

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
    this.#eachMax = Math.min(slowestMax, recordsMax);
  }

  add(record: FlightRecord): void {
    const slowest = this.#slowestLike(record);
    // The quickest of them stands last: most requests end at this comparison.
    if (slowest.length >= this.#eachMax && record.tookMs <= slowest[this.#eachMax - 1]!.tookMs) return;
    const at = slowest.findIndex(({ tookMs }) => tookMs < record.tookMs);
    slowest.splice(at < 0 ? slowest.length : at, 0, copyOf(record));
    this.#count += 1;
    if (slowest.length > this.#eachMax) {
      slowest.pop();
      this.#count -= 1;
    }
  }

  *[Symbol.iterator](): Generator<FlightRecord> {
    for (const models of this.#minutes.values()) for (const slowest of models.values()) yield* slowest;
  }

  /** Those of its minute and model. */
  #slowestLike(record: FlightRecord): FlightRecord[] {
    const minute = minuteOf(record);
    const model = record.model ?? '';
    const last = this.#last;
    if (last !== undefined && last.minute === minute && last.model === model) return last.slowest;
    const models = this.#minutes.get(minute) ?? this.#begin(minute);
    let slowest = models.get(model);
    if (!slowest) {
      slowest = [];
      models.set(model, slowest);
    }
    this.#last = { minute, model, slowest };
    return slowest;
  }

  #begin(minute: number): Map<string, FlightRecord[]> {
    for (const [oldest, models] of this.#minutes) {
      if (this.#count <= this.#recordsMax) break;
      this.#minutes.delete(oldest);
      for (const slowest of models.values()) this.#count -= slowest.length;
    }
    const models = new Map<string, FlightRecord[]>();
    this.#minutes.set(minute, models);
    return models;
  }
}

function minuteOf({ startedAt, tookMs }: FlightRecord): number {
  return Math.floor((startedAt + tookMs) / 60_000);
}
