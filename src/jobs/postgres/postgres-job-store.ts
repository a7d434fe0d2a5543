import type { Config } from '../../config.ts';
import { recordedReason, ServiceError } from '../../errors.ts';
import { Channel } from '../../postgres/channel.ts';
import { migrate } from '../../postgres/migrate.ts';
import { type Database, type DatabaseConfig, openDatabase, type Row } from '../../postgres/open-database.ts';
import { isOfSettings } from '../../postgres/postgres-failures.ts';
import { log } from '../../telemetry/logger.ts';
import type { Meter } from '../../telemetry/meter.ts';
import type { Job, JobEnd, JobProgress, NewJob } from '../job.ts';
import { endNumber, type JobEvent } from '../job-events.ts';
import type { GiveBack, JobStore, StoreChange, StoreTrouble, TakeNext, WantedEnd } from '../job-store.ts';
import type { Added, AddLimits, EndTimes, JobPage, Recovered, Standing } from '../store-answers.ts';
import { addJob } from './add-job.ts';
import { DatabaseClock } from './database-clock.ts';
import { finishJobs, type JobEnding } from './finish-jobs.ts';
import { Gathered } from './gathered.ts';
import { jobOfRow, optionalJob } from './job-row.ts';
import { jobSchema } from './job-schema.ts';
import { Lease } from './lease.ts';
import { recoverJobs } from './recover-jobs.ts';
import { type StandingJobs, standingJobs } from './standing-jobs.ts';
import { takeJobs } from './take-jobs.ts';

type StoreConfig = DatabaseConfig &
  Pick<Config, 'jobLeaseMs' | 'databasePollMs' | 'replicaPort' | 'replicaAddress' | 'bind'>;

/** As it goes between replicas: short names, and no job. */
type Message =
  | { readonly k: 'work' }
  | { readonly k: 'cancel'; readonly id: string }
  | {
      readonly k: 'event';
      readonly id: string;
      readonly s: boolean;
      readonly a: number;
      readonly n: number;
      readonly p?: JobProgress | undefined;
    };

/**
 * The jobs of all replicas, in PostgreSQL: by `shared`, or by connections of its own. `name` names
 * this replica over its restarts. It opens
 * without a database that answers, and begins when there is one; only settings that cannot be right
 * end the start.
 */
export async function openPostgresJobStore(
  config: StoreConfig,
  meter: Meter,
  name: string,
  shared?: Database,
): Promise<JobStore> {
  const database = shared ?? (await openDatabase(config, meter));
  const store = new PostgresJobStore({ config, database, ownsDatabase: shared === undefined, name });
  try {
    await store.begin();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** A job that has ended and is not wanted any more is no longer there. */
const wanted = `NOT (delete_wanted AND state NOT IN ('waiting', 'running'))`;

class PostgresJobStore implements JobStore {
  readonly clock = new DatabaseClock();
  readonly #database: Database;
  readonly #ownsDatabase: boolean;
  readonly #lease: Lease;
  readonly #channel: Channel<Message>;
  /** What it took and has not ended or given back. */
  readonly #held = new Set<string>();
  #listener: (change: StoreChange) => void = () => undefined;
  #trouble: StoreTrouble | undefined;
  /** The next job whose time comes, as far as it is known here. */
  #nextAtMs = Number.POSITIVE_INFINITY;
  /** A take, or the look for takes that were not heard: one at a time. */
  #taking: Promise<unknown> = Promise.resolve();
  /** One statement for what ends while the one before is on its way. */
  readonly #ends = new Gathered((ends: readonly JobEnding[]) => finishJobs(this.#ask, ends));
  #look: { at: number; standing: Promise<StandingJobs> } | undefined;
  #known: Pick<StandingJobs, 'all' | 'ofTenant'> = { all: 0, ofTenant: new Map() };

  constructor(of: { config: StoreConfig; database: Database; ownsDatabase: boolean; name: string }) {
    const { config, database, name } = of;
    this.#database = database;
    this.#ownsDatabase = of.ownsDatabase;
    this.#lease = new Lease({
      config,
      clock: this.clock,
      name,
      query: (...of) => this.#noting(() => database.query(...of)),
      prepare: () => this.#noting(() => migrate(database, 'jobs', jobSchema)),
      renewed: (owner) => this.#giveBackUndelivered(owner),
      held: () => [...this.#held],
      changed: (change) => {
        if (change.kind === 'superseded') this.#held.clear();
        this.#listener(change);
      },
    });
    this.#channel = new Channel<Message>({
      database,
      name: `${database.schema}_jobs`,
      owner: name,
      received: (message) => this.#received(message),
      connected: () => this.#listener({ kind: 'work' }),
    });
  }

  async begin(): Promise<void> {
    try {
      await this.#lease.begin();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (isOfSettings(error.cause)) throw new ServiceError('invalid_setting', error.message, { cause: error });
      log('app', 'warn', `The service starts without the database of its jobs: ${error.recorded}`, {
        event_type: 'job_store_unreachable',
      });
    }
  }

  get trouble(): StoreTrouble | undefined {
    return this.#trouble;
  }

  async add(job: NewJob, limits: AddLimits): Promise<Added> {
    this.#begun();
    // For the next one: far from a limit a look of a moment ago is enough.
    this.#lookAgain(Date.now()).catch(() => undefined);
    const known = { all: this.#known.all, ofTenant: this.#known.ofTenant.get(job.tenant) ?? 0 };
    const add = () => this.#noting(() => addJob(this.#database, job, limits, known));
    // An insert whose answer was lost may have been made: the second one finds it.
    const added = await add().catch((error: unknown) => {
      if (error instanceof ServiceError && error.code === 'database_unreachable') return add();
      throw error;
    });
    if (added.kind === 'added') this.#channel.send({ k: 'work' });
    return added;
  }

  async get(id: string): Promise<Job | undefined> {
    return optionalJob((await this.#ask('get', `SELECT * FROM job WHERE id = $1 AND ${wanted}`, [id]))[0]);
  }

  async list({ tenant, beforeMs, behindId, limit }: JobPage): Promise<Job[]> {
    const next = `(created_ms < $1 OR (created_ms = $1 AND id > $2)) AND ${wanted}
      ORDER BY created_ms DESC, id LIMIT $3`;
    // No id lies behind this one, so that without one nothing of the millisecond is listed.
    const place = [beforeMs, behindId ?? '\u{10ffff}', limit];
    const rows =
      tenant === undefined
        ? await this.#ask('list', `SELECT * FROM job WHERE ${next}`, place)
        : await this.#ask('list_tenant', `SELECT * FROM job WHERE tenant = $4 AND ${next}`, [...place, tenant]);
    return rows.map(jobOfRow);
  }

  take(of: TakeNext): Promise<readonly Job[]> {
    return this.#alone(async () => {
      const owner = this.#begun();
      if (of.nowMs >= this.#nextAtMs) await this.#letReady(of.nowMs);
      const jobs = await this.#noting(() => takeJobs(this.#database, owner, of));
      // A process that was taken for ended meanwhile finds its jobs superseded at its next refresh.
      for (const { id } of jobs) this.#held.add(id);
      return jobs;
    });
  }

  async progress(id: string, attempt: number, progress: JobProgress): Promise<void> {
    await this.#ask('progress', `UPDATE job SET progress = $3 WHERE ${present}`, [
      id,
      attempt,
      JSON.stringify(progress),
    ]);
  }

  async finish(id: string, attempt: number, end: JobEnd, times: EndTimes): Promise<Job | undefined> {
    return await this.#settled(id, await this.#ends.add({ id, attempt, end, times }));
  }

  async giveBack(id: string, attempt: number, of: GiveBack): Promise<Job | undefined> {
    const { because, nowMs, expiresMs } = of;
    const notBeforeMs = of.notBeforeMs <= this.clock.now() ? 0 : of.notBeforeMs;
    const [row] = await this.#ask(
      'give_back',
      `WITH given AS (
         UPDATE job SET owner = NULL, not_before_ms = $3, failures = failures + $4,
           stalls = CASE WHEN $5 THEN stalls + 1 ELSE 0 END, ${endIfWanted('$6', '$7')}
         WHERE ${present} RETURNING *)
       SELECT * FROM given UNION ALL SELECT * FROM job WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM given)`,
      [id, attempt, notBeforeMs, because === 'failed' ? 1 : 0, because === 'stalled', nowMs, expiresMs],
    );
    if (notBeforeMs > 0) this.#nextAtMs = Math.min(this.#nextAtMs, notBeforeMs);
    else this.#channel.send({ k: 'work' });
    return await this.#settled(id, optionalJob(row));
  }

  async cancel(id: string, { nowMs, expiresMs }: EndTimes): Promise<WantedEnd | undefined> {
    const [row] = await this.#ask(
      'cancel',
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND state IN ('waiting', 'running') FOR UPDATE), marked AS (
         UPDATE job SET cancel_wanted = true, ${endWaiting('$2', '$3')}
         FROM before WHERE job.id = before.id RETURNING job.*, before.state AS state_before)
       SELECT * FROM marked UNION ALL
       SELECT *, state FROM job WHERE id = $1 AND ${wanted} AND NOT EXISTS (SELECT 1 FROM marked)`,
      [id, nowMs, expiresMs],
    );
    return this.#wantedEnd(row);
  }

  async delete(id: string, { nowMs, expiresMs }: EndTimes): Promise<WantedEnd | undefined> {
    const [row] = await this.#ask(
      'delete',
      `WITH before AS (SELECT id, state FROM job WHERE id = $1 AND ${wanted} FOR UPDATE)
       UPDATE job SET cancel_wanted = true, delete_wanted = true, idempotency_key = NULL, ${endWaiting('$2', '$3')}
       FROM before WHERE job.id = before.id RETURNING job.*, before.state AS state_before`,
      [id, nowMs, expiresMs],
    );
    const end = this.#wantedEnd(row);
    if (end) await this.#forget(end.job);
    return end;
  }

  async excuse(): Promise<void> {
    const owner = this.#begun();
    await this.#ask('excuse', `UPDATE job SET excused = true WHERE state = 'running' AND owner = $1`, [owner]);
  }

  async recover(of: { readonly interruptionsMax: number } & EndTimes): Promise<Recovered> {
    this.#begun();
    const recovered = await this.#noting(() => recoverJobs(this.#database, this.#lease.judge, of));
    this.#channel.send({ k: 'work' });
    return recovered;
  }

  async expire(nowMs: number, limit: number): Promise<string[]> {
    const rows = await this.#ask(
      'expire',
      `DELETE FROM job WHERE id IN (SELECT id FROM job WHERE expires_ms <= $1 OR NOT (${wanted})
         ORDER BY expires_ms LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id`,
      [nowMs, limit],
    );
    return rows.map(({ id }) => id as string);
  }

  async known(ids: readonly string[], which: 'all' | 'live'): Promise<string[]> {
    const rows = await this.#ask(
      'known',
      `SELECT id FROM job WHERE id = ANY ($1) AND ($2 OR state IN ('waiting', 'running'))`,
      [ids, which === 'all'],
    );
    return rows.map(({ id }) => id as string);
  }

  async standing(nowMs: number): Promise<Standing> {
    this.#begun();
    // Thousands of jobs are counted once a second at most, however many ask.
    if (this.#known.all < manyJobs) this.#look = undefined;
    return await this.#lookAgain(nowMs);
  }

  async nextAtMs(dueMs: number): Promise<number | undefined> {
    const [row] = await this.#ask(
      'next',
      `SELECT min(not_before_ms) AS next, min(not_before_ms) FILTER (WHERE not_before_ms > $1) AS later
       FROM job WHERE state = 'waiting' AND not_before_ms > 0`,
      [dueMs],
    );
    this.#nextAtMs = typeof row?.next === 'number' ? row.next : Number.POSITIVE_INFINITY;
    return typeof row?.later === 'number' ? row.later : undefined;
  }

  async ahead(id: string): Promise<number> {
    const [row] = await this.#ask(
      'ahead',
      `SELECT count(*) AS count FROM job, (SELECT created_ms AS created, id AS own FROM job WHERE id = $1) AS this
       WHERE state = 'waiting' AND (created_ms < created OR (created_ms = created AND id < own))`,
      [id],
    );
    return Number(row?.count);
  }

  hear(listener: (change: StoreChange) => void): void {
    this.#listener = listener;
  }

  announce({ job, kind, attempt, number }: JobEvent): void {
    this.#channel.send({ k: 'event', id: job.id, s: kind === 'state', a: attempt, n: number, p: job.progress });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel[Symbol.asyncDispose]();
    await this.#lease[Symbol.asyncDispose]();
    if (this.#ownsDatabase) await this.#database[Symbol.asyncDispose]();
  }

  /** The name of this life of the process; before the database was there once there is none. */
  #begun(): string {
    const { owner } = this.#lease;
    if (owner !== '') return owner;
    throw new ServiceError('database_unreachable', this.#trouble?.message ?? noDatabaseYet, { retryAfterMs: 5_000 });
  }

  #ask: Database['query'] = (name, text, values) => {
    this.#begun();
    return this.#noting(() => this.#database.query(name, text, values));
  };

  /** Notes whether the database can be used. */
  async #noting<T>(act: () => Promise<T>): Promise<T> {
    try {
      const answer = await act();
      if (this.#trouble) log('app', 'info', 'The database of the jobs is back.', { event_type: 'job_store_back' });
      this.#trouble = undefined;
      return answer;
    } catch (error) {
      if (!(error instanceof ServiceError)) {
        log('app', 'error', `The jobs’ database failed: ${recordedReason(error)}`, { event_type: 'job_store_failed' });
      } else if (error.code === 'database_unreachable') {
        if (!this.#trouble) log('app', 'warn', error.recorded, { event_type: 'job_store_unreachable' });
        this.#trouble = { usable: true, message: error.message };
      }
      throw error;
    }
  }

  #alone<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#taking.then(act);
    this.#taking = done.catch(() => undefined);
    return done;
  }

  /** A take whose answer was lost has begun a job that nobody here works on. */
  async #giveBackUndelivered(owner: string): Promise<void> {
    await this.#alone(() =>
      this.#noting(() =>
        this.#database.query(
          'give_back_undelivered',
          `UPDATE job SET state = 'waiting', owner = NULL WHERE state = 'running' AND owner = $1 AND id <> ALL ($2)`,
          [owner, [...this.#held]],
        ),
      ),
    );
  }

  async #letReady(nowMs: number): Promise<void> {
    await this.#ask(
      'let_ready',
      `UPDATE job SET not_before_ms = 0 WHERE id IN (
         SELECT id FROM job WHERE state = 'waiting' AND not_before_ms > 0 AND not_before_ms <= $1
         ORDER BY not_before_ms LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
      [nowMs],
    );
    await this.nextAtMs(nowMs);
  }

  async #settled(id: string, job: Job | undefined): Promise<Job | undefined> {
    this.#held.delete(id);
    if (job) await this.#forget(job);
    return job;
  }

  /** A look at a start, or at what is past its time, forgets what could not be forgotten here. */
  async #forget(job: Job): Promise<void> {
    if (!job.deleteWanted || job.state === 'waiting' || job.state === 'running') return;
    await this.#ask('forget', `DELETE FROM job WHERE id = $1 AND NOT (${wanted})`, [job.id]).catch(() => undefined);
  }

  #wantedEnd(row: Row | undefined): WantedEnd | undefined {
    if (!row) return undefined;
    const job = jobOfRow(row);
    const endedNow = row.state_before === 'waiting' && job.state === 'cancelled';
    if (job.state === 'running') this.#channel.send({ k: 'cancel', id: job.id });
    if (endedNow) this.#channel.send({ k: 'event', id: job.id, s: true, a: job.attempt, n: endNumber });
    return { job, endedNow };
  }

  #lookAgain(nowMs: number): Promise<StandingJobs> {
    const owner = this.#lease.owner;
    const at = performance.now();
    if (this.#look && at - this.#look.at < lookEveryMs) return this.#look.standing;
    const standing = this.#noting(() => standingJobs(this.#database.query, owner, nowMs)).then((found) => {
      this.#known = found;
      return found;
    });
    this.#look = { at, standing };
    return standing;
  }

  #received(message: Message): void {
    switch (message.k) {
      case 'work':
      case 'cancel':
        this.#listener(message.k === 'work' ? { kind: 'work' } : { kind: 'cancel', id: message.id });
        break;
      case 'event':
        this.#listener({
          kind: 'event',
          id: message.id,
          event: { kind: message.s ? 'state' : 'progress', attempt: message.a, number: message.n },
          progress: message.p,
        });
    }
  }
}

const lookEveryMs = 1_000;
const manyJobs = 1_000;
const noDatabaseYet =
  'Cannot use the database of VITRINE_DATABASE_URL: it has not answered since the start; start it or correct the setting, and send the request again.';

/** The attempt is the one that is being worked on: what another says of the job changes nothing. */
const present = `id = $1 AND attempt = $2 AND state = 'running'`;

/** What waits ends at once, by its own present state. */
function endWaiting(nowMs: string, expiresMs: string): string {
  return `state = CASE WHEN job.state = 'waiting' THEN 'cancelled' ELSE job.state END,
    suspect = job.suspect AND job.state <> 'waiting',
    ended_ms = CASE WHEN job.state = 'waiting' THEN ${nowMs}::bigint ELSE job.ended_ms END,
    expires_ms = CASE WHEN job.state = 'waiting' THEN ${expiresMs}::bigint ELSE job.expires_ms END`;
}

/** An attempt that stops ends the job if somebody wanted that meanwhile. */
function endIfWanted(nowMs: string, expiresMs: string): string {
  return `state = CASE WHEN cancel_wanted THEN 'cancelled' ELSE 'waiting' END,
    suspect = suspect AND NOT cancel_wanted,
    ended_ms = CASE WHEN cancel_wanted THEN ${nowMs}::bigint END,
    expires_ms = CASE WHEN cancel_wanted THEN ${expiresMs}::bigint END`;
}
