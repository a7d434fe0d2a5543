import type { Config } from '../../config.ts';
import { groupOf } from '../../http/client-group.ts';
import type { ApiKey } from './api-keys.ts';
import { TokenBucket } from './token-bucket.ts';

/** Who asks: the holder of a key, the administrator, or an address. Quotas are counted for it. */
export type Client = {
  /** The key's name, `admin`, or the address. */
  readonly name: string;
  /**
   * Who is charged, and what spans and logs call it: the key's name, `admin`, or `anonymous`. Never
   * an address.
   */
  readonly tenant: string;
  readonly key: ApiKey | undefined;
  readonly admin: boolean;
  readonly infer: TokenBucket;
  readonly tasks: TokenBucket;
  /** Lists, which take the event loop milliseconds each. */
  readonly reads: TokenBucket;
  /** Questions to the backends, for the page. */
  readonly page: TokenBucket;
};

type QuotaLimits = Pick<
  Config,
  'clientsMax' | 'inferPerMinuteMax' | 'tasksPerMinuteMax' | 'readsPerMinuteMax' | 'proxyPerMinuteMax'
>;

/**
 * The clients of late, with what is left of their quotas; bounded, so that many addresses cost no
 * memory.
 */
export class Clients {
  readonly #limits: QuotaLimits;
  readonly #known = new Map<string, Client>();

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
  }

  byAddress(address: string): Client {
    const group = groupOf(address);
    return this.#known.get(group) ?? this.#remember(group, group, undefined, false);
  }

  byKey(key: ApiKey): Client {
    const id = `key ${key.name}`;
    const known = this.#known.get(id);
    return known?.key === key ? known : this.#remember(id, key.name, key, key.mayAdminister);
  }

  administrator(): Client {
    return this.#known.get('admin') ?? this.#remember('admin', 'admin', undefined, true);
  }

  #remember(id: string, name: string, key: ApiKey | undefined, admin: boolean): Client {
    const now = performance.now();
    const known = this.#known.get(id);
    this.#makeRoom();
    // A key that was read again, or another token of the tenant, begins with what is left.
    const bucket = (of: 'infer' | 'tasks', perMinute: number) =>
      known?.[of].perMinute === perMinute ? known[of] : new TokenBucket(perMinute, now);
    const client: Client = {
      name,
      tenant: key?.name ?? (admin ? 'admin' : 'anonymous'),
      key,
      admin,
      infer: bucket('infer', key?.inferPerMinute ?? this.#limits.inferPerMinuteMax),
      tasks: bucket('tasks', key?.tasksPerMinute ?? this.#limits.tasksPerMinuteMax),
      reads: known?.reads ?? new TokenBucket(this.#limits.readsPerMinuteMax, now),
      page: known?.page ?? new TokenBucket(this.#limits.proxyPerMinuteMax, now),
    };
    this.#known.set(id, client);
    return client;
  }

  /**
   * Forgets those whose quotas are full again, which changes nothing for them; if there are none, the
   * oldest.
   */
  #makeRoom(): void {
    if (this.#known.size < this.#limits.clientsMax) return;
    const now = performance.now();
    for (const [id, client] of this.#known)
      if ([client.infer, client.tasks, client.reads, client.page].every((bucket) => bucket.isFull(now)))
        this.#known.delete(id);
    for (const id of this.#known.keys()) {
      if (this.#known.size < this.#limits.clientsMax) return;
      this.#known.delete(id);
    }
  }
}
