import { randomUUID } from 'node:crypto';
import type { Config } from '../../config.ts';
import { recordedReason } from '../../errors.ts';
import type { Ask } from '../../postgres/open-database.ts';
import { replicaAddress } from '../../replica-address.ts';
import { log } from '../../telemetry/logger.ts';
import { version } from '../../version.ts';
import type { StoreChange } from '../job-store.ts';
import type { DatabaseClock } from './database-clock.ts';
import type { Judge } from './recover-jobs.ts';

type Parts = {
  readonly config: Pick<Config, 'jobLeaseMs' | 'databasePollMs' | 'replicaPort' | 'replicaAddress' | 'bind'>;
  readonly query: Ask;
  readonly clock: DatabaseClock;
  /** Names this process over restarts. */
  readonly name: string;
  /** What has to be there before the first lease. */
  readonly prepare: () => Promise<void>;
  /** After each refresh. */
  readonly renewed: (owner: string) => Promise<void>;
  readonly changed: (change: StoreChange) => void;
  /** Which jobs the process works on. */
  readonly held: () => readonly string[];
};

/**
 * That this process lives, in a row of the database that it refreshes. A process without its row was
 * taken for ended: it goes on under a new name, and what it worked on belongs to others.
 */
export class Lease implements AsyncDisposable {
  readonly #parts: Parts;
  #owner = '';
  /** Since when every refresh was in time: before a whole lease of that it judges nobody. */
  #steadySince: number | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The first lease; throws where it cannot be had now, and tries on. */
  async begin(): Promise<void> {
    const { jobLeaseMs, databasePollMs } = this.#parts.config;
    this.#timer = setInterval(() => this.#tick(), Math.min(databasePollMs, jobLeaseMs / 3)).unref();
    await this.#register();
  }

  /** Names this life of the process; empty before the first lease. */
  get owner(): string {
    return this.#owner;
  }

  get judge(): Judge {
    const { name, config } = this.#parts;
    const steadyMs = this.#steadySince === undefined ? 0 : performance.now() - this.#steadySince;
    return { owner: this.#owner, name, mayJudge: steadyMs >= config.jobLeaseMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#ticking;
    if (this.#owner === '') return;
    // Without its row the others take over at once what it could not give back.
    await this.#parts
      .query('lease_end', 'DELETE FROM replica WHERE owner = $1', [this.#owner])
      .catch((error: unknown) => logMissed(error));
  }

  #tick(): void {
    this.#ticking ??= this.#look()
      .catch((error: unknown) => {
        this.#steadySince = undefined;
        logMissed(error);
      })
      .finally(() => {
        this.#ticking = undefined;
      });
  }

  async #look(): Promise<void> {
    const { config, changed } = this.#parts;
    if (this.#owner === '') await this.#register();
    else if (performance.now() - this.#renewedAt >= config.jobLeaseMs / 3) await this.#renew();
    if (!this.#closed) changed({ kind: 'work' });
  }

  async #register(): Promise<void> {
    const { prepare, query, name, config, changed } = this.#parts;
    await prepare();
    const owner = `${name} ${randomUUID().slice(0, 8)}`;
    const askedAt = performance.now();
    const [row] = await query(
      'lease_begin',
      `INSERT INTO replica (owner, name, version, lease_until, address)
       VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond', $5)
       RETURNING extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`,
      [owner, name, version, config.jobLeaseMs, replicaAddress(config) ?? null],
    );
    this.#read(row?.now, askedAt);
    this.#owner = owner;
    changed({ kind: 'process_lost' });
  }

  async #renew(): Promise<void> {
    const { query, config, changed, held, renewed } = this.#parts;
    const askedAt = performance.now();
    const late = askedAt - this.#renewedAt >= config.jobLeaseMs;
    const [row] = await query(
      'lease_renew',
      `UPDATE replica SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE owner = $1
       RETURNING extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
         EXISTS (SELECT 1 FROM replica AS other WHERE other.lease_until < clock_timestamp() AND other.owner <> $1)
         OR EXISTS (SELECT 1 FROM job WHERE state = 'running'
              AND NOT EXISTS (SELECT 1 FROM replica AS other WHERE other.owner = job.owner)) AS lost`,
      [this.#owner, config.jobLeaseMs],
    );
    if (!row) {
      log('app', 'warn', 'This process was silent for longer than VITRINE_JOB_LEASE_MS: others do its jobs.', {
        event_type: 'lease_lost',
        jobs: held().length,
      });
      changed({ kind: 'superseded', ids: held() });
      this.#steadySince = undefined;
      this.#owner = '';
      return await this.#register();
    }
    if (late) this.#steadySince = undefined;
    this.#read(row.now, askedAt);
    await renewed(this.#owner);
    if (row.lost && this.judge.mayJudge) changed({ kind: 'process_lost' });
  }

  #read(now: unknown, askedAt: number): void {
    const answeredAt = performance.now();
    this.#parts.clock.read(Number(now), askedAt, answeredAt);
    this.#renewedAt = askedAt;
    this.#steadySince ??= answeredAt;
  }
}

function logMissed(error: unknown): void {
  log('app', 'debug', `The lease of this process could not be renewed: ${recordedReason(error)}`, {
    event_type: 'lease_missed',
  });
}
