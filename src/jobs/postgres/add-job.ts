import type { Ask, Database } from '../../postgres/open-database.ts';
import type { NewJob } from '../job.ts';
import type { Added, AddLimits } from '../store-answers.ts';
import { jobOfRow } from './job-row.ts';

/** What is known of how full it is, from the last look. */
export type Fullness = { readonly all: number; readonly ofTenant: number };

/**
 * Stores a new job; see JobStore.add. Far from a limit the last look is enough. From nine tenths
 * on, and where a limit is small, the jobs are counted while nobody else adds one.
 */
export async function addJob(database: Database, job: NewJob, limits: AddLimits, known: Fullness): Promise<Added> {
  const { jobsMax, ofTenantMax } = limits;
  const exact = { all: isNear(known.all, jobsMax), tenant: isNear(known.ofTenant, ofTenantMax) };
  if (!exact.all && !exact.tenant)
    return (await insert(database.query, job)) ?? (await addJob(database, job, limits, known));
  return await database.transaction('add', async (ask) => {
    const lock = (of: string) =>
      ask('lock', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`vitrine ${database.schema} ${of}`]);
    if (exact.all) await lock('all jobs');
    if (exact.tenant) await lock(`jobs of ${job.tenant}`);
    const before = job.idempotency && (await knownByKey(ask, job));
    if (before) return before;
    if (exact.all) {
      const count = await countUpTo(ask, 'add_count_all', 'SELECT 1 FROM job LIMIT $1', [jobsMax]);
      if (count >= jobsMax) return { kind: 'full', what: 'all', count };
    }
    if (exact.tenant) {
      const live = `SELECT 1 FROM job WHERE tenant = $2 AND state IN ('waiting', 'running') LIMIT $1`;
      const count = await countUpTo(ask, 'add_count_tenant', live, [ofTenantMax, job.tenant]);
      if (count >= ofTenantMax) return { kind: 'full', what: 'tenant', count };
    }
    const added = await insert(ask, job);
    if (!added)
      throw Object.assign(new Error('The job of this key is being forgotten.'), { code: '40001', severity: 'ERROR' });
    return added;
  });
}

function isNear(count: number, limit: number): boolean {
  return limit <= exactBelow || count >= limit * 0.9;
}

const exactBelow = 1_000;

async function countUpTo(ask: Ask, name: string, some: string, values: readonly unknown[]): Promise<number> {
  const [row] = await ask(name, `SELECT count(*) AS count FROM (${some}) AS counted`, values);
  return Number(row?.count);
}

/** Undefined where another job had the key and is gone now. */
async function insert(ask: Ask, job: NewJob): Promise<Added | undefined> {
  const { id, tenant, request, madeBy, trace, createdMs, idempotency } = job;
  const [row] = await ask(
    'add',
    `INSERT INTO job (id, kind, tenant, state, request, made_by, trace, created_ms, idempotency_key, fingerprint)
     VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING *`,
    [
      id,
      request.kind,
      tenant,
      JSON.stringify(request),
      JSON.stringify(madeBy),
      JSON.stringify(trace),
      createdMs,
      idempotency?.key ?? null,
      idempotency?.fingerprint ?? null,
    ],
  );
  if (row) return { kind: 'added', job: jobOfRow(row) };
  // Its own insert, whose answer was lost.
  const [own] = await ask('add_own', 'SELECT * FROM job WHERE id = $1', [id]);
  if (own) return { kind: 'added', job: jobOfRow(own) };
  return await knownByKey(ask, job);
}

async function knownByKey(ask: Ask, { id, tenant, idempotency }: NewJob): Promise<Added | undefined> {
  const [known] = await ask('add_known', 'SELECT * FROM job WHERE tenant = $1 AND idempotency_key = $2', [
    tenant,
    idempotency?.key,
  ]);
  if (!known) return undefined;
  if (known.id === id) return { kind: 'added', job: jobOfRow(known) };
  return known.fingerprint === idempotency?.fingerprint
    ? { kind: 'known', job: jobOfRow(known) }
    : { kind: 'key_reused' };
}
