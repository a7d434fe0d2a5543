import { LastFound } from '../last-found.ts';
import type { FlightRecord } from './flight-record.ts';
import { SlowestList } from './slowest-list.ts';

/** So many are remembered of each minute and model: as many may be asked for. */
export const slowestMax = 50;

/**
 * The slowest requests of each minute and model, within a limit for all together: the oldest
 * minutes go first. A tenant has at most a quarter of a full list, unless the others need less.
 */
export class SlowestRequests {
  readonly #recordsMax: number;
  /** Of each minute and model. */
  readonly #eachMax: number;
  readonly #minutes = new Map<number, Map<string, SlowestList>>();
  readonly #last = new LastFound<SlowestList>();
  #count = 0;

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
    this.#eachMax = Math.min(slowestMax, recordsMax);
  }

  /** Whether it is one of the slowest. Most requests end at one comparison. */
  wants(request: Timed): boolean {
    return this.#slowestLike(request).wants(request);
  }

  add(record: FlightRecord): void {
    this.#count += this.#slowestLike(record).add(record);
  }

  *[Symbol.iterator](): Generator<FlightRecord> {
    for (const models of this.#minutes.values()) for (const slowest of models.values()) yield* slowest;
  }

  /** The slowest of its minute and model. */
  #slowestLike(record: Timed): SlowestList {
    const minute = minuteOf(record);
    const model = record.model ?? '';
    const last = this.#last.get(minute, model);
    if (last) return last;
    const models = this.#minutes.get(minute) ?? this.#begin(minute);
    const slowest = models.get(model) ?? new SlowestList(this.#eachMax);
    models.set(model, slowest);
    return this.#last.set(slowest, minute, model);
  }

  #begin(minute: number): Map<string, SlowestList> {
    for (const [oldest, models] of this.#minutes) {
      if (this.#count <= this.#recordsMax) break;
      this.#minutes.delete(oldest);
      for (const slowest of models.values()) this.#count -= slowest.length;
    }
    const models = new Map<string, SlowestList>();
    this.#minutes.set(minute, models);
    return models;
  }
}

type Timed = Pick<FlightRecord, 'model' | 'startedAt' | 'tookMs' | 'tenant'>;

function minuteOf({ startedAt, tookMs }: Timed): number {
  return Math.floor((startedAt + tookMs) / 60_000);
}
