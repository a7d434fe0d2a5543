import type { Ask } from '../../postgres/open-database.ts';
import { taskKinds } from '../../task-kinds.ts';
import type { Standing } from '../store-answers.ts';

export type StandingJobs = Standing & {
  /** Jobs that are remembered, and live ones by tenant. */
  readonly all: number;
  readonly ofTenant: ReadonlyMap<string, number>;
};

/** How the queue stands: what waits is counted by the process whose name comes first. */
export async function standingJobs(ask: Ask, owner: string, nowMs: number): Promise<StandingJobs> {
  const groups = await ask(
    'standing',
    `SELECT tenant, kind, state, count(*) AS count, count(*) FILTER (WHERE owner = $1) AS own, min(created_ms) AS oldest
     FROM job WHERE state IN ('waiting', 'running') GROUP BY tenant, kind, state`,
    [owner],
  );
  const [about] = await ask(
    'standing_about',
    `SELECT count(*) AS processes, coalesce(min(owner), '') AS first, (SELECT count(*) FROM job) AS "all"
     FROM replica WHERE lease_until > clock_timestamp()`,
  );
  const work = await ask(
    'standing_work',
    `SELECT asked.kind, avg(ms)::float8 AS mean FROM unnest($1::text[]) AS asked (kind) CROSS JOIN LATERAL (
       SELECT ended_ms - started_ms AS ms FROM job WHERE job.kind = asked.kind AND state = 'done'
       ORDER BY ended_ms DESC LIMIT 20) AS last GROUP BY asked.kind`,
    [taskKinds],
  );
  const leads = about?.first === owner || Number(about?.processes) === 0;
  const kinds = new Map<string, { kind: string; waiting: number; running: number; oldestMs: number }>();
  const ofTenant = new Map<string, number>();
  for (const { tenant, kind, state, count, own, oldest } of groups) {
    const of = kinds.get(String(kind)) ?? { kind: String(kind), waiting: 0, running: 0, oldestMs: 0 };
    kinds.set(of.kind, of);
    if (state === 'running') of.running += Number(own);
    else if (leads) of.waiting += Number(count);
    if (leads) of.oldestMs = Math.max(of.oldestMs, nowMs - Number(oldest));
    ofTenant.set(String(tenant), (ofTenant.get(String(tenant)) ?? 0) + Number(count));
  }
  return {
    kinds: [...kinds.values()],
    workMs: Object.fromEntries(work.map(({ kind, mean }) => [String(kind), Number(mean)])),
    processes: Math.max(1, Number(about?.processes)),
    all: Number(about?.all),
    ofTenant,
  };
}
