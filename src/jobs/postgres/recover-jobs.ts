import type { Ask, Database } from '../../postgres/open-database.ts';
import { interrupted, type Job } from '../job.ts';
import type { EndTimes, Recovered } from '../store-answers.ts';
import { jobOfRow } from './job-row.ts';

/** Jobs that ran in a process which has no lease any more. */
const ownerless = `state = 'running' AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.owner = job.owner)`;

export type Judge = {
  readonly owner: string;
  readonly name: string;
  /** Whether a lease that is over may be taken for the end of its process. */
  readonly mayJudge: boolean;
};

/**
 * Puts back what ran in processes that have ended: those before this one of the same name, and those
 * whose lease is over; see JobStore.recover.
 */
export function recoverJobs(
  database: Database,
  { owner, name, mayJudge }: Judge,
  { interruptionsMax, nowMs, expiresMs }: { readonly interruptionsMax: number } & EndTimes,
): Promise<Recovered> {
  return database.transaction('recover', async (ask) => {
    await ask('', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`vitrine ${database.schema} recover`]);
    await ask('', `DELETE FROM replica WHERE owner <> $1 AND (name = $2 OR ($3 AND lease_until < clock_timestamp()))`, [
      owner,
      name,
      mayJudge,
    ]);
    // What was locked for a moment is changed by its own transaction, and seen here when that is over.
    await ask('', `SELECT id FROM job WHERE ${ownerless} ORDER BY id FOR UPDATE`);
    await ask(
      '',
      `UPDATE job SET owner = NULL WHERE state = 'waiting' AND suspect AND owner IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM replica WHERE replica.owner = job.owner)`,
    );
    await ask('', `UPDATE job SET state = 'waiting', owner = NULL WHERE excused AND ${ownerless}`);
    const alone = (
      await ask('', `SELECT min(id) AS id FROM job WHERE ${ownerless} GROUP BY owner HAVING count(*) = 1`)
    ).map(({ id }) => id);
    const ended = await endWanted(ask, { nowMs, expiresMs });
    await ask('', `UPDATE job SET suspect = true WHERE ${ownerless}`);
    await ask('', `UPDATE job SET interruptions = interruptions + 1 WHERE id = ANY ($1) AND ${ownerless}`, [alone]);
    ended.push(
      ...(await ask(
        '',
        `UPDATE job SET state = 'failed', suspect = false, ended_ms = $1, expires_ms = $2, failure = $3
         WHERE id = ANY ($4) AND interruptions >= $5 AND ${ownerless} RETURNING *`,
        [nowMs, expiresMs, JSON.stringify(interrupted(interruptionsMax)), alone, interruptionsMax],
      )),
    );
    await ask('', `UPDATE job SET state = 'waiting', owner = NULL WHERE ${ownerless}`);
    await ask('', `DELETE FROM job WHERE delete_wanted AND state NOT IN ('waiting', 'running')`);
    const [counts] = await ask(
      '',
      `SELECT count(*) AS waiting, count(*) FILTER (WHERE suspect) AS suspects FROM job WHERE state = 'waiting'`,
    );
    return {
      waiting: Number(counts?.waiting),
      suspects: Number(counts?.suspects),
      ended: ended.map(jobOfRow) satisfies Job[],
      // Uploads and results lie where all processes reach them.
      live: [],
      done: [],
    };
  });
}

function endWanted(ask: Ask, { nowMs, expiresMs }: EndTimes) {
  return ask(
    '',
    `UPDATE job SET state = 'cancelled', suspect = false, ended_ms = $1, expires_ms = $2
     WHERE cancel_wanted AND (state = 'waiting' OR (${ownerless})) RETURNING *`,
    [nowMs, expiresMs],
  );
}
