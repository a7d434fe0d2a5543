import type { Ask, Database } from '../../postgres/open-database.ts';
import type { Job } from '../job.ts';
import type { TakeNext } from '../job-store.ts';
import { jobOfRow, optionalJob } from './job-row.ts';

const begun = `state = 'running', attempt = attempt + 1, owner = $1, started_ms = $2, progress = NULL, excused = false`;

/** Suspects that this process may take: nobody's, or those it keeps until its own work is done. */
const suspectFor = `state = 'waiting' AND suspect AND not_before_ms <= $2 AND (owner IS NULL OR owner = $1)`;

/**
 * From index to index: which tenants have which kinds ready, and the oldest few of each. The tenants
 * with the fewest running go first. A job that another process takes now is passed over.
 */
const takeReady = `
  WITH RECURSIVE pair AS (
    (SELECT tenant, kind FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
     ORDER BY tenant, kind LIMIT 1)
    UNION ALL
    SELECT next.tenant, next.kind FROM pair CROSS JOIN LATERAL (
      SELECT tenant, kind FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
        AND (tenant, kind) > (pair.tenant, pair.kind)
      ORDER BY tenant, kind LIMIT 1) AS next
  ), running AS (
    SELECT tenant, count(*) AS count FROM job WHERE state = 'running' GROUP BY tenant
  ), candidate AS (
    SELECT oldest.id, coalesce(running.count, 0) AS level
    FROM pair CROSS JOIN LATERAL (
      SELECT id FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
        AND tenant = pair.tenant AND kind = pair.kind
      ORDER BY created_ms, id LIMIT $4) AS oldest
    LEFT JOIN running ON running.tenant = pair.tenant
    WHERE pair.kind <> ALL ($3::text[])
  ), chosen AS MATERIALIZED (
    SELECT job.id FROM candidate JOIN job ON job.id = candidate.id
    WHERE job.state = 'waiting' AND NOT job.suspect AND job.not_before_ms = 0
    ORDER BY level, job.created_ms, job.id LIMIT 1 FOR UPDATE OF job SKIP LOCKED
  )
  UPDATE job SET ${begun} FROM chosen
  WHERE job.id = chosen.id
    AND EXISTS (SELECT 1 FROM replica WHERE owner = $1)
    AND NOT EXISTS (SELECT 1 FROM job AS own WHERE own.state = 'running' AND own.owner = $1 AND own.suspect)
    AND NOT EXISTS (SELECT 1 FROM job AS next
      WHERE next.state = 'waiting' AND next.suspect AND next.not_before_ms <= $5
        AND (next.owner IS NULL OR next.owner = $1))
  RETURNING job.*`;

/** Begins the next attempt for `owner`; see JobStore.take. */
export async function takeJob(database: Database, owner: string, of: TakeNext): Promise<Job | undefined> {
  const { kindsFull, nowMs, startedMs } = of;
  // Others may be taking the same few at this moment: then it looks at more of them.
  for (const depth of [4, 64, 512]) {
    const [row] = await database.query('take', takeReady, [owner, startedMs, kindsFull, depth, nowMs]);
    if (row) return jobOfRow(row);
    const [left] = await database.query('take_left', leftSql, [owner, nowMs, kindsFull]);
    if (left?.suspect) return await takeSuspect(database, owner, of);
    if (!left?.ready) return undefined;
  }
  return undefined;
}

const leftSql = `
  SELECT EXISTS (SELECT 1 FROM job WHERE ${suspectFor}) AS suspect,
    EXISTS (SELECT 1 FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
      AND kind <> ALL ($3::text[])) AS ready`;

/** Alone in its process: with other work here it is kept for this process until that is done. */
function takeSuspect(database: Database, owner: string, { nowMs, startedMs }: TakeNext): Promise<Job | undefined> {
  return database.transaction('take_suspect', async (ask: Ask) => {
    const [own] = await ask(
      'suspects_of_own',
      `SELECT count(*) AS count, coalesce(bool_or(suspect), false) AS suspect FROM job
       WHERE state = 'running' AND owner = $1`,
      [owner],
    );
    if (own?.suspect) return undefined;
    const [next] = await ask(
      'suspects_next',
      `SELECT id FROM job WHERE ${suspectFor} ORDER BY interruptions, created_ms, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [owner, nowMs],
    );
    if (!next) return undefined;
    if (Number(own?.count) > 0) {
      await ask('suspects_keep', 'UPDATE job SET owner = $1 WHERE id = $2', [owner, next.id]);
      return undefined;
    }
    const [row] = await ask('suspects_begin', `UPDATE job SET ${begun} WHERE id = $3 RETURNING *`, [
      owner,
      startedMs,
      next.id,
    ]);
    return optionalJob(row);
  });
}
