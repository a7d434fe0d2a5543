import type { Config } from '../../config.ts';
import { groupOf } from '../../http/client-group.ts';
import type { ApiKey } from './api-keys.ts';
import type { Unused } from './database-quotas.ts';
import { LeasedBucket } from './leased-bucket.ts';
import { type QuotaBucket, quotaBucket, type SharedQuotas } from './quota-bucket.ts';

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
  readonly infer: QuotaBucket;
  readonly tasks: QuotaBucket;
  /** Lists, which take the event loop milliseconds each. */
  readonly reads: QuotaBucket;
  /** Questions to the backends, for the page. */
  readonly page: QuotaBucket;
};

const quotas = ['infer', 'tasks', 'reads', 'page'] as const;
type Quota = (typeof quotas)[number];

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
  readonly #shared: SharedQuotas | undefined;
  readonly #known = new Map<string, Client>();

  constructor(limits: QuotaLimits, shared?: SharedQuotas) {
    this.#limits = limits;
    this.#shared = shared;
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

  /** All that are known of late. */
  get all(): readonly Client[] {
    return [...this.#known.values()];
  }

  /** What of a lease was not used, for another process; see quota-bucket.ts for its name. */
  giveBack(name: string): number {
    const [quota = ''] = name.split(' ', 1);
    const client = this.#known.get(name.slice(quota.length + 1));
    const bucket = client?.[quota as Quota];
    return bucket instanceof LeasedBucket ? bucket.giveBack() : 0;
  }

  /** Takes back what was leased and nobody has used for so long. */
  takeUnused(ms: number): Unused[] {
    const now = performance.now();
    const unused: Unused[] = [];
    for (const [id, client] of this.#known)
      for (const quota of quotas) {
        const bucket = client[quota];
        if (bucket instanceof LeasedBucket && bucket.unusedFor(ms, now) > 0)
          unused.push({ bucket: `${quota} ${id}`, perMinute: bucket.perMinute, count: bucket.giveBack() });
      }
    return unused;
  }

  #remember(id: string, name: string, key: ApiKey | undefined, admin: boolean): Client {
    const now = performance.now();
    const known = this.#known.get(id);
    this.#makeRoom();
    // A key that was read again, or another token of the tenant, begins with what is left.
    const bucket = (quota: Quota, perMinute: number) =>
      known?.[quota].perMinute === perMinute
        ? known[quota]
        : quotaBucket({ name: `${quota} ${id}`, perMinute, now, inBlocks: quota !== 'tasks' }, this.#shared);
    const client: Client = {
      name,
      tenant: key?.name ?? (admin ? 'admin' : 'anonymous'),
      key,
      admin,
      infer: bucket('infer', key?.inferPerMinute ?? this.#limits.inferPerMinuteMax),
      tasks: bucket('tasks', key?.tasksPerMinute ?? this.#limits.tasksPerMinuteMax),
      reads: bucket('reads', this.#limits.readsPerMinuteMax),
      page: bucket('page', this.#limits.proxyPerMinuteMax),
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
