import { recordedReason, ServiceError } from '../../errors.ts';
import { jobSchema } from '../../jobs/postgres/job-schema.ts';
import { migrate } from '../../postgres/migrate.ts';
import type { Database } from '../../postgres/open-database.ts';
import type { Lease } from '../../processes/changes.ts';
import { log } from '../../telemetry/logger.ts';
import type { Counter, Meter } from '../../telemetry/meter.ts';
import type { AskLease } from './leased-bucket.ts';
import type { SharedQuotas } from './quota-bucket.ts';
import { TokenBucket } from './token-bucket.ts';

/** A client waits for the answer. */
const leaseMsMax = 2_000;
/** While the database is silent, one lease in this time asks it; the others are granted here. */
const tryAgainMs = 1_000;
const returnEveryMs = 5_000;
const tidyEveryMs = 60_000;

const quotaSchema = [
  `
  CREATE TABLE quota (
    bucket text COLLATE "C" PRIMARY KEY,
    per_minute double precision NOT NULL,
    tokens double precision NOT NULL,
    granted double precision NOT NULL,
    filled_at timestamptz NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX quota_by_age ON quota (filled_at);
  `,
];

/**
 * A bucket that fills evenly, in one statement. `spent` ($4) was granted without the database, or
 * comes back where it is below 0. Processes are counted by their leases of jobs.
 */
const lease = `
  INSERT INTO quota AS q (bucket, per_minute, tokens, granted, filled_at)
  SELECT $1, $2, has - given, given, clock_timestamp()
    FROM (SELECT least($2, $2 - $4) AS has) AS one, LATERAL (SELECT greatest(0, least($3, floor(has))) AS given) AS two
  ON CONFLICT (bucket) DO UPDATE SET per_minute = $2, filled_at = greatest(q.filled_at, clock_timestamp()),
    (tokens, granted) = (
      SELECT greatest(-$2, has - given), given FROM (
        SELECT least($2, least($2, q.tokens
          + greatest(0, extract(epoch FROM clock_timestamp() - q.filled_at))::float8 * $2 / 60) - $4) AS has
      ) AS one, LATERAL (SELECT greatest(0, least($3, floor(has))) AS given) AS two)
  RETURNING tokens, granted,
    (SELECT count(*) FROM replica WHERE lease_until > clock_timestamp()) AS processes`
  .replaceAll('$2', '$2::float8')
  .replaceAll('$3', '$3::float8')
  .replaceAll('$4', '$4::float8');

/** What was granted here while the database was silent. */
type Local = { readonly bucket: TokenBucket; spent: number };

/** A part of a quota that was leased and is not used. */
export type Unused = { readonly bucket: string; readonly perMinute: number; readonly count: number };

/**
 * The quotas of all clients, in the database that all replicas share: a process leases a part and
 * takes from it without asking. While the database is silent, each process grants its fair part,
 * and the database learns later what was granted.
 */
export class DatabaseQuotas implements SharedQuotas, AsyncDisposable {
  readonly #database: Database;
  readonly #leases: Counter<'quotaLeases'>;
  readonly #local = new Map<string, Local>();
  /** What was left at the last answer, by bucket. */
  readonly #left = new Map<string, number>();
  #processes = 1;
  #prepared: Promise<void> | undefined;
  #silentUntil = 0;
  #isSilent = false;
  #unused: (ms: number) => readonly Unused[] = () => [];
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(database: Database, meter: Meter) {
    this.#database = database;
    this.#leases = meter.counter('quotaLeases');
    // Before a client waits for it; where it fails, a lease tries again.
    this.#prepare().catch(() => undefined);
    this.#timers = [
      setInterval(() => void this.#returnUnused(), returnEveryMs).unref(),
      setInterval(() => void this.#tidy(), tidyEveryMs).unref(),
    ];
  }

  /** Processes that share the quotas, as the last lease found them. */
  get processes(): number {
    return this.#processes;
  }

  lease(bucket: string, perMinute: number): AskLease {
    return (wanted) => this.#lease(bucket, perMinute, wanted);
  }

  /** `unused` takes back what was leased and nobody has used for so long. */
  takeBack(unused: (ms: number) => readonly Unused[]): void {
    this.#unused = unused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#returnUnused(0);
  }

  async #lease(bucket: string, perMinute: number, wanted: number): Promise<Lease> {
    const now = performance.now();
    if (now < this.#silentUntil) return this.#grant(bucket, perMinute, wanted);
    // A client that comes while this one asks is not kept waiting.
    if (this.#isSilent) this.#silentUntil = now + leaseMsMax + tryAgainMs;
    try {
      const answer = await this.#ask(bucket, perMinute, wanted, this.#local.get(bucket)?.spent ?? 0);
      this.#local.delete(bucket);
      this.#heard();
      this.#leases.series(answer.granted > 0 ? 'granted' : 'used_up').value += 1;
      return answer;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#silent(error);
      return this.#grant(bucket, perMinute, wanted);
    }
  }

  async #ask(bucket: string, perMinute: number, wanted: number, spent: number): Promise<Lease> {
    const asking = this.#prepare().then(() => this.#database.query('quota', lease, [bucket, perMinute, wanted, spent]));
    const [row] = await within(leaseMsMax, asking);
    const [tokens, granted] = [Number(row?.tokens), Number(row?.granted)];
    this.#processes = Math.max(1, Number(row?.processes));
    this.#left.set(bucket, Math.max(0, tokens));
    const waitMs = granted > 0 ? 0 : Math.max(0, Math.ceil(((1 - tokens) * 60_000) / perMinute));
    return { granted, left: Math.max(0, Math.floor(tokens)), waitMs };
  }

  #prepare(): Promise<void> {
    // Who counts the processes needs the table of their leases.
    this.#prepared ??= migrate(this.#database, 'jobs', jobSchema)
      .then(() => migrate(this.#database, 'quotas', quotaSchema))
      .catch((error: unknown) => {
        this.#prepared = undefined;
        throw error;
      });
    return this.#prepared;
  }

  /** This process's part of what was left, and of what comes back. */
  #grant(bucket: string, perMinute: number, wanted: number): Lease {
    const now = performance.now();
    let local = this.#local.get(bucket);
    if (!local) {
      const part = Math.max(1, Math.floor(perMinute / this.#processes));
      const own = new TokenBucket(part, now);
      const left = Math.floor((this.#left.get(bucket) ?? perMinute) / this.#processes);
      own.takeUpTo(Math.max(0, part - left), now);
      local = { bucket: own, spent: 0 };
      this.#local.set(bucket, local);
    }
    const granted = local.bucket.takeUpTo(Math.min(wanted, Math.max(1, Math.floor(local.bucket.perMinute / 16))), now);
    local.spent += granted;
    this.#leases.series('local').value += 1;
    return { granted, left: local.bucket.remaining, waitMs: granted > 0 ? 0 : local.bucket.waitMs };
  }

  #silent(error: ServiceError): void {
    if (!this.#isSilent)
      log('app', 'warn', `Quotas are counted by each replica for itself: ${error.recorded}`, {
        event_type: 'quotas_local',
      });
    this.#isSilent = true;
    this.#silentUntil = performance.now() + tryAgainMs;
  }

  #heard(): void {
    if (this.#isSilent)
      log('app', 'info', 'Quotas are counted over all replicas again.', { event_type: 'quotas_shared' });
    this.#isSilent = false;
    this.#silentUntil = 0;
  }

  /** Another replica may need them. */
  async #returnUnused(unusedMs = returnEveryMs): Promise<void> {
    if (this.#isSilent) return;
    for (const { bucket, perMinute, count } of this.#unused(unusedMs))
      await this.#ask(bucket, perMinute, 0, -count).catch(logNotReturned);
  }

  /** Who has asked for nothing for minutes has a full quota: its row says nothing. */
  async #tidy(): Promise<void> {
    if (this.#local.size + this.#left.size > bucketsMax) for (const each of [this.#local, this.#left]) each.clear();
    if (this.#prepared === undefined || this.#isSilent) return;
    await this.#database
      .query('quota_tidy', `DELETE FROM quota WHERE filled_at < clock_timestamp() - interval '10 minutes'`)
      .catch(logNotReturned);
  }
}

const bucketsMax = 100_000;

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let overtime: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    overtime = setTimeout(
      () => reject(new ServiceError('database_unreachable', `the database did not answer within ${limitMs} ms`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(overtime);
  }
}

/** A part that is not returned is a part that nobody gets in this minute. */
function logNotReturned(error: unknown): void {
  log('app', 'debug', `Quotas could not be brought up to date: ${recordedReason(error)}`, {
    event_type: 'quotas_local',
  });
}
