import type { Config } from '../../config.ts';
import type { Lease, LeaseWish } from '../../processes/changes.ts';
import type { ServiceProcess } from '../../processes/service-process.ts';
import { TokenBucket } from '../access/token-bucket.ts';

const giveBackMsMax = 1_000;

/**
 * The quotas of all clients, in the first process. A process leases a part and takes from it without
 * asking; when nothing is left here, the others give back what they have not used. So all processes
 * together allow what one would, whichever of them a client asks.
 */
export class QuotaLeases {
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, TokenBucket>();
  /** One refill of a bucket at a time: others who ask have its result. */
  readonly #collecting = new Map<string, Promise<void>>();

  constructor({ clientsMax }: Pick<Config, 'clientsMax'>) {
    // Each client has four.
    this.#bucketsMax = 4 * clientsMax;
  }

  async lease(wish: LeaseWish, to: ServiceProcess, processes: readonly ServiceProcess[]): Promise<Lease> {
    const bucket = this.#bucketOf(wish);
    const now = performance.now();
    const granted = bucket.takeUpTo(wish.wanted, now);
    if (granted > 0) return { granted, left: bucket.remaining, waitMs: 0 };
    await this.#collect(
      wish.bucket,
      bucket,
      processes.filter((process) => process !== to && process.takesPart),
    );
    const collected = bucket.takeUpTo(wish.wanted, performance.now());
    if (collected > 0) return { granted: collected, left: bucket.remaining, waitMs: 0 };
    return { granted: 0, left: 0, waitMs: bucket.waitMs };
  }

  #collect(name: string, bucket: TokenBucket, others: readonly ServiceProcess[]): Promise<void> {
    let collecting = this.#collecting.get(name);
    if (!collecting) {
      // A process that does not answer keeps what it has: too little is allowed then, never too much.
      const given = others.map((other) => other.ask('giveBack', { bucket: name }, giveBackMsMax).catch(() => 0));
      collecting = Promise.all(given).then((counts) => {
        for (const count of counts) bucket.putBack(count);
        this.#collecting.delete(name);
      });
      this.#collecting.set(name, collecting);
    }
    return collecting;
  }

  #bucketOf({ bucket: name, perMinute }: LeaseWish): TokenBucket {
    const known = this.#buckets.get(name);
    // A key that was read again may have another quota.
    if (known?.perMinute === perMinute) return known;
    this.#makeRoom();
    const bucket = new TokenBucket(perMinute, performance.now());
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #makeRoom(): void {
    if (this.#buckets.size < this.#bucketsMax) return;
    const now = performance.now();
    for (const [name, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(name);
    for (const name of this.#buckets.keys()) {
      if (this.#buckets.size < this.#bucketsMax) return;
      this.#buckets.delete(name);
    }
  }
}
