import { LastFound } from '../last-found.ts';
import type { FlightRecord } from './flight-record.ts';

/** So many are remembered of each minute and model: as many may be asked for. */
export const slowestMax = 50;

/**
 * The slowest requests of each minute and model, within a limit for all together: the oldest
 * minutes go first.
 */
export class SlowestRequests {
  readonly #recordsMax: number;
  /** Of each minute and model. */
  readonly #eachMax: number;
  readonly #minutes = new Map<number, Map<string, FlightRecord[]>>();
  readonly #last = new LastFound<FlightRecord[]>();
  #count = 0;

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
    this.#eachMax = Math.min(slowestMax, recordsMax);
  }

  /**
   * Whether it is one of the slowest. The quickest of them stands last: most requests end at this
   * comparison.
   */
  wants(request: Timed): boolean {
    const slowest = this.#slowestLike(request);
    return slowest.length < this.#eachMax || request.tookMs > slowest[this.#eachMax - 1]!.tookMs;
  }

  add(record: FlightRecord): void {
    const slowest = this.#slowestLike(record);
    const at = slowest.findIndex(({ tookMs }) => tookMs < record.tookMs);
    slowest.splice(at < 0 ? slowest.length : at, 0, record);
    this.#count += 1;
    if (slowest.length > this.#eachMax) {
      slowest.pop();
      this.#count -= 1;
    }
  }

  *[Symbol.iterator](): Generator<FlightRecord> {
    for (const models of this.#minutes.values()) for (const slowest of models.values()) yield* slowest;
  }

  /** The slowest of its minute and model. */
  #slowestLike(record: Timed): FlightRecord[] {
    const minute = minuteOf(record);
    const model = record.model ?? '';
    const last = this.#last.get(minute, model);
    if (last) return last;
    const models = this.#minutes.get(minute) ?? this.#begin(minute);
    const slowest = models.get(model) ?? [];
    models.set(model, slowest);
    return this.#last.set(slowest, minute, model);
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

type Timed = Pick<FlightRecord, 'model' | 'startedAt' | 'tookMs'>;

function minuteOf({ startedAt, tookMs }: Timed): number {
  return Math.floor((startedAt + tookMs) / 60_000);
}
