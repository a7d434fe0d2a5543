import type { Ask, Database } from '../../postgres/open-database.ts';
import type { Job } from '../job.ts';
import type { TakeNext } from '../job-store.ts';
import { jobOfRow } from './job-row.ts';

const begun = `state = 'running', attempt = attempt + 1, owner = $1, started_ms = $2, progress = NULL, excused = false`;

/** Suspects that this process may take: nobody's, or those it keeps until its own work is done. */
const suspectFor = `state = 'waiting' AND suspect AND not_before_ms <= $2 AND (owner IS NULL OR owner = $1)`;

/**
 * From index to index: which tenants have which kinds ready, and the oldest few of each. The tenants
 * with the fewest running go first, counting what is taken before. A job that another process takes
 * now is passed over. One that has no place by its kind is left where it is.
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
    SELECT oldest.id, pair.kind, coalesce(running.count, 0)
      + row_number() OVER (PARTITION BY pair.tenant ORDER BY oldest.created_ms, oldest.id) AS level
    FROM pair CROSS JOIN LATERAL (
      SELECT id, created_ms FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
        AND tenant = pair.tenant AND kind = pair.kind
      ORDER BY created_ms, id LIMIT $4) AS oldest
    LEFT JOIN running ON running.tenant = pair.tenant
    WHERE coalesce(($3::jsonb ->> pair.kind)::integer, $6) > 0
  ), chosen AS MATERIALIZED (
    SELECT job.id, job.kind, level, job.created_ms FROM candidate JOIN job ON job.id = candidate.id
    WHERE job.state = 'waiting' AND NOT job.suspect AND job.not_before_ms = 0
    ORDER BY level, job.created_ms, job.id LIMIT $7 FOR UPDATE OF job SKIP LOCKED
  ), placed AS (
    SELECT id, kind, row_number() OVER (PARTITION BY kind ORDER BY level, created_ms, id) AS place FROM chosen
  )
  UPDATE job SET ${begun} FROM placed
  WHERE job.id = placed.id AND placed.place <= coalesce(($3::jsonb ->> placed.kind)::integer, $6)
    AND EXISTS (SELECT 1 FROM replica WHERE owner = $1)
    AND NOT EXISTS (SELECT 1 FROM job AS own WHERE own.state = 'running' AND own.owner = $1 AND own.suspect)
    AND NOT EXISTS (SELECT 1 FROM job AS next
      WHERE next.state = 'waiting' AND next.suspect AND next.not_before_ms <= $5
        AND (next.owner IS NULL OR next.owner = $1))
  RETURNING job.*`;

/** Begins next attempts for `owner`; see JobStore.take. */
export async function takeJobs(database: Database, owner: string, of: TakeNext): Promise<readonly Job[]> {
  const { places, placesOfKind, placesLeft, nowMs, startedMs } = of;
  const left = JSON.stringify(placesLeft);
  // Others may be taking the same few at this moment: then it looks at more of them.
  for (const depth of [4, 64, 512]) {
    const values = [owner, startedMs, left, Math.max(depth, places), nowMs, placesOfKind, places];
    const rows = await database.query('take', takeReady, values);
    if (rows.length > 0) return rows.map(jobOfRow);
    const [waits] = await database.query('take_left', leftSql, [owner, nowMs, left, placesOfKind]);
    if (waits?.suspect) return await takeSuspect(database, owner, of);
    if (!waits?.ready) return [];
  }
  return [];
}

const leftSql = `
  SELECT EXISTS (SELECT 1 FROM job WHERE ${suspectFor}) AS suspect,
    EXISTS (SELECT 1 FROM job WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0
      AND coalesce(($3::jsonb ->> kind)::integer, $4) > 0) AS ready`;

/** Alone in its process: with other work here it is kept for this process until that is done. */
function takeSuspect(database: Database, owner: string, { nowMs, startedMs }: TakeNext): Promise<readonly Job[]> {
  return database.transaction('take_suspect', async (ask: Ask) => {
    const [own] = await ask(
      'suspects_of_own',
      `SELECT count(*) AS count, coalesce(bool_or(suspect), false) AS suspect FROM job
       WHERE state = 'running' AND owner = $1`,
      [owner],
    );
    if (own?.suspect) return [];
    const [next] = await ask(
      'suspects_next',
      `SELECT id FROM job WHERE ${suspectFor} ORDER BY interruptions, created_ms, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [owner, nowMs],
    );
    if (!next) return [];
    if (Number(own?.count) > 0) {
      await ask('suspects_keep', 'UPDATE job SET owner = $1 WHERE id = $2', [owner, next.id]);
      return [];
    }
    const rows = await ask('suspects_begin', `UPDATE job SET ${begun} WHERE id = $3 RETURNING *`, [
      owner,
      startedMs,
      next.id,
    ]);
    return rows.map(jobOfRow);
  });
}
