import type { Ask } from '../../postgres/open-database.ts';
import type { Job, JobEnd } from '../job.ts';
import type { EndTimes } from '../store-answers.ts';
import { jobOfRow } from './job-row.ts';

export type JobEnding = {
  readonly id: string;
  readonly attempt: number;
  readonly end: JobEnd;
  readonly times: EndTimes;
};

/** An attempt that is not the present one ends nothing. Each is answered how its job stands. */
const finish = `
  WITH given AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
      AS given (id, attempt, state, ended_ms, expires_ms, result, failure)
  ), ended AS (
    UPDATE job SET state = given.state, suspect = false, owner = NULL, ended_ms = given.ended_ms,
      expires_ms = given.expires_ms, result = given.result, failure = given.failure
    FROM given WHERE job.id = given.id AND job.attempt = given.attempt AND job.state = 'running' RETURNING job.*
  )
  SELECT * FROM ended UNION ALL
  SELECT * FROM job WHERE id = ANY ($1) AND NOT EXISTS (SELECT 1 FROM ended WHERE ended.id = job.id)`;

/** Ends several jobs at once, in the order given. */
export async function finishJobs(ask: Ask, ends: readonly JobEnding[]): Promise<(Job | undefined)[]> {
  const rows = await ask('finish', finish, [
    ends.map(({ id }) => id),
    ends.map(({ attempt }) => attempt),
    ends.map(({ end }) => end.state),
    ends.map(({ times }) => times.nowMs),
    ends.map(({ times }) => times.expiresMs),
    ends.map(({ end }) => (end.state === 'done' ? JSON.stringify(end.result) : null)),
    ends.map(({ end }) => (end.state === 'failed' ? JSON.stringify(end.failure) : null)),
  ]);
  const jobs = new Map(rows.map(jobOfRow).map((job) => [job.id, job]));
  return ends.map(({ id }) => jobs.get(id));
}
