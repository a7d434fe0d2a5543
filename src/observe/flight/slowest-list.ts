import type { FlightRecord } from './flight-record.ts';

/**
 * The slowest requests of one minute and model, the slowest first. While it is full a tenant's
 * quarter is its own, however quick: others push out what is beyond a quarter.
 */
export class SlowestList {
  readonly #max: number;
  readonly #share: number;
  readonly #records: FlightRecord[] = [];
  readonly #of = new Map<string, number>();
  /** The tenant with the most: most requests are this one's. */
  #most = '';
  #mostCount = 0;

  constructor(max: number) {
    this.#max = max;
    this.#share = Math.max(1, Math.floor(max / 4));
  }

  get length(): number {
    return this.#records.length;
  }

  /** Most requests are quick, and end at the first comparison of a full list. */
  wants(request: Pick<FlightRecord, 'tookMs' | 'tenant'>): boolean {
    const { length } = this.#records;
    if (length < this.#max) return true;
    const isQuicker = request.tookMs <= this.#records[length - 1]!.tookMs;
    if (isQuicker && request.tenant === this.#most && this.#mostCount >= this.#share) return false;
    return this.#indexToMakeRoom(request) >= 0;
  }

  /** By how many records it has become longer. */
  add(record: FlightRecord): number {
    const records = this.#records;
    const isFull = records.length >= this.#max;
    if (isFull) {
      const [out] = records.splice(this.#indexToMakeRoom(record), 1);
      this.#count(out!.tenant, -1);
    }
    const at = records.findIndex(({ tookMs }) => tookMs < record.tookMs);
    records.splice(at < 0 ? records.length : at, 0, record);
    this.#count(record.tenant, 1);
    return isFull ? 0 : 1;
  }

  [Symbol.iterator](): Iterator<FlightRecord> {
    return this.#records.values();
  }

  /** The quickest that may be pushed out by this request; -1: none. */
  #indexToMakeRoom({ tookMs, tenant }: Pick<FlightRecord, 'tookMs' | 'tenant'>): number {
    const isWithinShare = (this.#of.get(tenant) ?? 0) < this.#share;
    const hasGreedy = this.#mostCount > this.#share;
    return this.#records.findLastIndex((record) => {
      const isGreedy = this.#of.get(record.tenant)! > this.#share;
      if (isWithinShare && hasGreedy) return isGreedy;
      // With more tenants than shares nobody has more than one, and the slower stays.
      return record.tookMs < tookMs && (isGreedy || record.tenant === tenant || isWithinShare);
    });
  }

  #count(tenant: string, more: 1 | -1): void {
    const count = (this.#of.get(tenant) ?? 0) + more;
    if (count === 0) this.#of.delete(tenant);
    else this.#of.set(tenant, count);
    if (count > this.#mostCount) [this.#most, this.#mostCount] = [tenant, count];
    else if (more < 0 && tenant === this.#most)
      [this.#most, this.#mostCount] = [...this.#of].reduce((most, each) => (each[1] > most[1] ? each : most));
  }
}
