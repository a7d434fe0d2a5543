import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { inTransaction } from '../../sqlite/in-transaction.ts';
import { bytesOf, interrupted, type Job, type JobEnd, type JobProgress, type JobResult, type NewJob } from '../job.ts';
import type { GiveBack, WantedEnd } from '../job-store.ts';
import type { KeptResult } from '../kept-results.ts';
import type { Added, AddLimits, EndTimes, JobPage, Recovered, Standing } from '../store-answers.ts';

type TakeOne = {
  readonly owner: string;
  readonly kindsFull: readonly string[];
  readonly nowMs: number;
  readonly startedMs: number;
};

/**
 * The jobs in SQLite, synchronously: it runs on the store's thread. Each method is one transaction.
 * An attempt is named by its number: what a former attempt says changes nothing. A method that ends
 * an attempt or gives it back answers how the job stands then, and may be called again.
 */
export class JobDatabase {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  add(job: NewJob, { jobsMax, ofTenantMax }: AddLimits): Added {
    const { id, tenant, request, madeBy, trace, createdMs, idempotency } = job;
    return inTransaction(this.#database, () => {
      if (idempotency) {
        const known = this.#get('SELECT * FROM job WHERE tenant = ? AND idempotency_key = ?', tenant, idempotency.key);
        if (known)
          return known.fingerprint === idempotency.fingerprint
            ? { kind: 'known', job: jobOf(known) }
            : { kind: 'key_reused' };
      }
      const all = this.#count('SELECT count(*) AS count FROM job');
      if (all >= jobsMax) return { kind: 'full', what: 'all', count: all };
      const ofTenant = this.#count(
        `SELECT count(*) AS count FROM job WHERE tenant = ? AND state IN ('waiting', 'running')`,
        tenant,
      );
      if (ofTenant >= ofTenantMax) return { kind: 'full', what: 'tenant', count: ofTenant };
      const row = this.#get(
        `INSERT INTO job (id, kind, tenant, state, request, made_by, trace, created_ms, idempotency_key, fingerprint)
         VALUES (?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?) RETURNING *`,
        id,
        request.kind,
        tenant,
        JSON.stringify(request),
        JSON.stringify(madeBy),
        JSON.stringify(trace),
        createdMs,
        idempotency?.key ?? null,
        idempotency?.fingerprint ?? null,
      );
      return { kind: 'added', job: jobOf(row!) };
    });
  }

  get(id: string): Job | undefined {
    return optionalJob(this.#get('SELECT * FROM job WHERE id = ?', id));
  }

  /** The newest first, and within a millisecond by id; of all tenants where none is named. */
  list({ tenant, beforeMs, behindId, limit }: JobPage): Job[] {
    // No id lies behind this one, so that without one nothing of the millisecond is listed.
    const place = [beforeMs, beforeMs, behindId ?? '\u{10ffff}', limit];
    const next = '(created_ms < ? OR (created_ms = ? AND id > ?)) ORDER BY created_ms DESC, id LIMIT ?';
    const rows =
      tenant === undefined
        ? this.#all(`SELECT * FROM job WHERE ${next}`, ...place)
        : this.#all(`SELECT * FROM job WHERE tenant = ? AND ${next}`, tenant, ...place);
    return rows.map(jobOf);
  }

  /**
   * Begins the next attempt: of the tenant with the fewest running, the oldest job that may run now.
   * A suspect goes before all, and alone in its process: a process that has other work keeps it for
   * itself until that is done.
   */
  take(of: TakeOne): Job | undefined {
    const { owner, kindsFull, nowMs, startedMs } = of;
    const begin = (next: string, ...values: SQLInputValue[]) =>
      optionalJob(
        this.#get(
          `UPDATE job SET state = 'running', attempt = attempt + 1, started_ms = ?, progress = NULL, excused = 0,
             owner = ?
           WHERE id = (${next} LIMIT 1) RETURNING *`,
          startedMs,
          owner,
          ...values,
        ),
      );
    return inTransaction(this.#database, () => {
      const own = this.#get(
        `SELECT count(*) AS count, max(suspect) AS suspect FROM job WHERE state = 'running' AND owner = ?`,
        owner,
      );
      if (own?.suspect === 1) return undefined;
      // Jobs that were charged least go first: the innocent are cleared before the guilty has its next
      // life.
      const suspects = `SELECT id FROM job
        WHERE state = 'waiting' AND suspect = 1 AND not_before_ms <= ? AND (owner IS NULL OR owner = ?)
        ORDER BY interruptions, created_ms, id`;
      if (own?.count === 0) {
        const suspect = begin(suspects, nowMs, owner);
        if (suspect) return suspect;
      } else if (this.#run(`UPDATE job SET owner = ? WHERE id = (${suspects} LIMIT 1)`, owner, nowMs, owner) > 0)
        return undefined;
      // The tenant with the fewest running goes first: a tenant with a thousand jobs delays others by one
      // at most.
      return begin(
        `SELECT id FROM job AS next
         WHERE state = 'waiting' AND suspect = 0 AND not_before_ms <= ?
           AND kind NOT IN (SELECT value FROM json_each(?))
         ORDER BY (SELECT count(*) FROM job WHERE tenant = next.tenant AND state = 'running'), created_ms, id`,
        nowMs,
        JSON.stringify(kindsFull),
      );
    });
  }

  progress(id: string, attempt: number, progress: JobProgress): void {
    this.#run(
      `UPDATE job SET progress = ? WHERE id = ? AND attempt = ? AND state = 'running'`,
      JSON.stringify(progress),
      id,
      attempt,
    );
  }

  /** Ends the job if the attempt is the present one, so that a job ends once. */
  finish(id: string, attempt: number, end: JobEnd, { nowMs, expiresMs }: EndTimes): Job | undefined {
    return inTransaction(this.#database, () => {
      this.#run(
        `UPDATE job SET state = ?, suspect = 0, ended_ms = ?, expires_ms = ?, result = ?, failure = ?
         WHERE id = ? AND attempt = ? AND state = 'running'`,
        end.state,
        nowMs,
        expiresMs,
        end.state === 'done' ? JSON.stringify(end.result) : null,
        end.state === 'failed' ? JSON.stringify(end.failure) : null,
        id,
        attempt,
      );
      return this.#getForgetting(id);
    });
  }

  /**
   * Back to the queue, to be begun again at `notBeforeMs`; cancelled if that was wanted meanwhile.
   */
  giveBack(id: string, attempt: number, { because, notBeforeMs, nowMs, expiresMs }: GiveBack): Job | undefined {
    return inTransaction(this.#database, () => {
      this.#run(
        `UPDATE job SET state = 'waiting', owner = NULL, not_before_ms = ?, failures = failures + ?, stalls = ?
         WHERE id = ? AND attempt = ? AND state = 'running'`,
        notBeforeMs,
        because === 'failed' ? 1 : 0,
        because === 'stalled' ? (this.get(id)?.stalls ?? 0) + 1 : 0,
        id,
        attempt,
      );
      this.#cancelWaiting({ id, nowMs, expiresMs });
      return this.#getForgetting(id);
    });
  }

  /**
   * Cancels what waits at once, and marks what runs; answers the job as it then is, and whether it
   * ended by this.
   */
  cancel(id: string, { nowMs, expiresMs }: EndTimes): WantedEnd | undefined {
    return inTransaction(this.#database, () => {
      this.#run(`UPDATE job SET cancel_wanted = 1 WHERE id = ? AND state IN ('waiting', 'running')`, id);
      const endedNow = this.#cancelWaiting({ id, nowMs, expiresMs });
      const job = this.get(id);
      return job && { job, endedNow };
    });
  }

  /** As `cancel`, and forgets the job: at once where it has ended then, else when it ends. */
  delete(id: string, times: EndTimes): WantedEnd | undefined {
    return inTransaction(this.#database, () => {
      this.#run('UPDATE job SET cancel_wanted = 1, delete_wanted = 1, idempotency_key = NULL WHERE id = ?', id);
      const endedNow = this.#cancelWaiting({ id, ...times });
      const job = this.#getForgetting(id);
      return job && { job, endedNow };
    });
  }

  /** The job; one that has ended and is not wanted any more is no longer there. */
  #getForgetting(id: string): Job | undefined {
    const job = this.get(id);
    this.#run(`DELETE FROM job WHERE id = ? AND ${endedUnwanted}`, id);
    return job;
  }

  /** Ends a job that waits, if its end is wanted. */
  #cancelWaiting({ id, nowMs, expiresMs }: { id: string } & EndTimes): boolean {
    const changed = this.#run(
      `UPDATE job SET state = 'cancelled', suspect = 0, ended_ms = ?, expires_ms = ?
       WHERE id = ? AND state = 'waiting' AND cancel_wanted = 1`,
      nowMs,
      expiresMs,
      id,
    );
    return changed === 1;
  }

  /** The process stops in order: whatever becomes of what it runs, the jobs are not the cause. */
  excuse(owner: string): void {
    this.#run(`UPDATE job SET excused = 1 WHERE state = 'running' AND owner = ?`, owner);
  }

  /**
   * What ran in the process that ended, or in any where none is named, goes back to the queue as
   * suspect. A job that ran alone in its process is charged with that end, and fails when that has
   * happened too often; of several, none is.
   */
  recover(of: { readonly owner?: string; readonly interruptionsMax: number } & EndTimes): Recovered {
    const { owner, interruptionsMax, nowMs, expiresMs } = of;
    const ofOwner = owner === undefined ? '' : 'AND owner = ?';
    const owners = owner === undefined ? [] : [owner];
    return inTransaction(this.#database, () => {
      this.#run(`UPDATE job SET owner = NULL WHERE state = 'waiting' ${ofOwner}`, ...owners);
      this.#run(
        `UPDATE job SET state = 'waiting', owner = NULL WHERE state = 'running' AND excused = 1 ${ofOwner}`,
        ...owners,
      );
      // With others beside it, it may have been any of them; the next time each of them runs alone.
      const alone = this.#all(
        `SELECT min(id) AS id FROM job WHERE state = 'running' ${ofOwner} GROUP BY owner HAVING count(*) = 1`,
        ...owners,
      ).map(({ id }) => id as string);
      const ended = this.#all(
        `UPDATE job SET state = 'cancelled', suspect = 0, ended_ms = ?, expires_ms = ?
         WHERE cancel_wanted = 1 AND (state = 'waiting' OR (state = 'running' ${ofOwner})) RETURNING *`,
        nowMs,
        expiresMs,
        ...owners,
      );
      this.#run(`UPDATE job SET suspect = 1 WHERE state = 'running' ${ofOwner}`, ...owners);
      for (const id of alone) {
        this.#run(`UPDATE job SET interruptions = interruptions + 1 WHERE id = ? AND state = 'running'`, id);
        ended.push(
          ...this.#all(
            `UPDATE job SET state = 'failed', suspect = 0, ended_ms = ?, expires_ms = ?, failure = ?
             WHERE id = ? AND state = 'running' AND interruptions >= ? RETURNING *`,
            nowMs,
            expiresMs,
            JSON.stringify(interrupted(interruptionsMax)),
            id,
            interruptionsMax,
          ),
        );
      }
      this.#run(`UPDATE job SET state = 'waiting', owner = NULL WHERE state = 'running' ${ofOwner}`, ...owners);
      this.#run(`DELETE FROM job WHERE ${endedUnwanted}`);
      const live = this.#all(`SELECT id FROM job WHERE state IN ('waiting', 'running')`).map(({ id }) => id as string);
      const done = this.#all(`SELECT id, tenant, result FROM job WHERE state = 'done'`).map(keptResultOf);
      const waiting = this.#count(`SELECT count(*) AS count FROM job WHERE state = 'waiting'`);
      const suspects = this.#count(`SELECT count(*) AS count FROM job WHERE state = 'waiting' AND suspect = 1`);
      return { waiting, suspects, ended: ended.map(jobOf), live, done };
    });
  }

  /** Forgets those whose time to live is over; answers their ids. */
  expire(nowMs: number, limit: number): string[] {
    return this.#all(
      'DELETE FROM job WHERE id IN (SELECT id FROM job WHERE expires_ms <= ? LIMIT ?) RETURNING id',
      nowMs,
      limit,
    ).map(({ id }) => id as string);
  }

  /** Which of these there are: all, or those that have not ended. */
  known(ids: readonly string[], which: 'all' | 'live'): string[] {
    const live = which === 'live' ? `AND state IN ('waiting', 'running')` : '';
    return this.#all(
      `SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?)) ${live}`,
      JSON.stringify(ids),
    ).map(({ id }) => id as string);
  }

  /** When the next job after `dueMs` that waits for its time may be begun. */
  nextAtMs(dueMs: number): number | undefined {
    const sql = `SELECT min(not_before_ms) AS at FROM job WHERE state = 'waiting' AND not_before_ms > ?`;
    const at = this.#get(sql, dueMs)?.at;
    return typeof at === 'number' ? at : undefined;
  }

  standing(nowMs: number): Standing {
    const kinds = this.#all(
      `SELECT kind, sum(state = 'waiting') AS waiting, sum(state = 'running') AS running, min(created_ms) AS oldest
       FROM job WHERE state IN ('waiting', 'running') GROUP BY kind`,
    ).map((row) => ({
      kind: String(row.kind),
      waiting: Number(row.waiting),
      running: Number(row.running),
      oldestMs: Math.max(0, nowMs - Number(row.oldest)),
    }));
    const work = this.#all(
      `SELECT kind, avg(ended_ms - started_ms) AS mean FROM (
         SELECT kind, ended_ms, started_ms, row_number() OVER (PARTITION BY kind ORDER BY ended_ms DESC) AS place
         FROM job WHERE state = 'done'
       ) WHERE place <= 20 GROUP BY kind`,
    );
    return {
      kinds,
      workMs: Object.fromEntries(work.map(({ kind, mean }) => [String(kind), Number(mean)])),
      processes: 1,
    };
  }

  /** How many would be begun before this one. */
  ahead(id: string): number {
    return this.#count(
      `SELECT count(*) AS count FROM job, (SELECT created_ms AS created, id AS own FROM job WHERE id = ?)
       WHERE state = 'waiting' AND (created_ms < created OR (created_ms = created AND job.id < own))`,
      id,
    );
  }

  /** Counts every row that was written: nothing was where it is the same as before. */
  rowsWritten(): number {
    return Number(this.#get('SELECT total_changes() AS count')?.count);
  }

  close(): void {
    this.#database.close();
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }

  #count(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#get(sql, ...values)?.count);
  }
}

const endedUnwanted = `delete_wanted = 1 AND state NOT IN ('waiting', 'running')`;

type Row = Record<string, unknown>;

function optionalJob(row: Row | undefined): Job | undefined {
  return row && jobOf(row);
}

/** Throws where the row is not one that this version wrote. */
function keptResultOf({ id, tenant, result }: Row): KeptResult {
  return { id: id as string, tenant: tenant as string, bytes: bytesOf(jsonIn(result) as JobResult) };
}

export function jobOf(row: Row): Job {
  return {
    id: row.id as string,
    tenant: row.tenant as string,
    state: row.state as Job['state'],
    request: JSON.parse(row.request as string) as Job['request'],
    madeBy: jsonIn(row.made_by) as Job['madeBy'],
    trace: jsonIn(row.trace) as Job['trace'],
    attempt: row.attempt as number,
    failures: row.failures as number,
    stalls: row.stalls as number,
    suspect: row.suspect === 1,
    interruptions: row.interruptions as number,
    createdMs: row.created_ms as number,
    startedMs: numberIn(row.started_ms),
    endedMs: numberIn(row.ended_ms),
    expiresMs: numberIn(row.expires_ms),
    cancelWanted: row.cancel_wanted === 1,
    deleteWanted: row.delete_wanted === 1,
    progress: jsonIn(row.progress) as Job['progress'],
    result: jsonIn(row.result) as Job['result'],
    failure: jsonIn(row.failure) as Job['failure'],
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function jsonIn(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : undefined;
}
