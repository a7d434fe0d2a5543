import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../src/config.ts';
import { openPostgresJobStore } from '../src/jobs/postgres/postgres-job-store.ts';
import { Meter } from '../src/telemetry/meter.ts';
import { startReplica } from '../testkit/jobs/replica.ts';
import { startPostgres } from '../testkit/postgres.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { waitFor } from '../testkit/wait-for.ts';
import { numberOption } from './option.ts';
import { median } from './statistics.ts';

// Jobs through a PostgreSQL that syncs to the disk. How many jobs with empty work do three replicas
// end in a second? What does one job cost the store with few and with many waiting?
// Usage: node bench/jobs.ts [--replicas 3] [--running 8] [--jobs 3000] [--waiting 100000] [--taken 300]

const options = {
  replicas: numberOption('replicas', 3),
  running: numberOption('running', 8),
  jobs: numberOption('jobs', 3_000),
  waiting: numberOption('waiting', 100_000),
  taken: numberOption('taken', 300),
};
const postgres = await startPostgres({ durable: true });
if ('unavailable' in postgres) throw new Error(postgres.unavailable);
await using database = postgres;
await using folder = await temporaryFolder();

const settings = (schema: string, name: string) => ({
  VITRINE_DATA: join(folder.path, name),
  VITRINE_DATABASE_URL: database.url,
  VITRINE_DATABASE_SCHEMA: schema,
  VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
  VITRINE_JOBS_RUNNING_MAX: String(options.running),
  VITRINE_JOBS_OF_KIND_RUNNING_MAX: String(options.running),
  REPLICA_WORK_MS: '0',
});

/** Waiting jobs of three tenants, made by the database itself. */
async function fill(schema: string, count: number): Promise<void> {
  await database.ask(
    `INSERT INTO ${schema}.job (id, kind, tenant, state, request, made_by, trace, created_ms)
     SELECT gen_random_uuid(), 'generate', 'tenant-' || n % 3, 'waiting', '{"kind":"generate","parameters":{},"files":[]}',
       '{"traceId":"${'a'.repeat(32)}","spanId":"${'b'.repeat(16)}"}', '{"traceId":"${'a'.repeat(32)}","spanId":"${'b'.repeat(16)}"}', n
     FROM generate_series(1, $1::integer) AS n`,
    [count],
  );
  await database.ask(`ANALYZE ${schema}.job`);
}

async function throughput(): Promise<void> {
  const schema = database.schema();
  await (await openPostgresJobStore(readConfig(settings(schema, 'schema')), new Meter(), 'schema'))[
    Symbol.asyncDispose
  ]();
  await fill(schema, options.jobs);
  const startedAt = performance.now();
  const replicas = await Promise.all(
    Array.from({ length: options.replicas }, (_, at) => startReplica(settings(schema, `replica-${at}`))),
  );
  try {
    const ended = async () =>
      Number((await database.ask(`SELECT count(*) AS count FROM ${schema}.job WHERE state = 'done'`))[0]?.count);
    // All of them have started when a part is done.
    await waitFor('the first jobs', async () => (await ended()) > options.jobs / 10, { deadlineMs: 300_000 });
    const [from, at] = [await ended(), performance.now()];
    await waitFor('all jobs', async () => (await ended()) === options.jobs, { deadlineMs: 600_000, everyMs: 50 });
    const seconds = (performance.now() - at) / 1000;
    console.log(
      `${options.replicas} replicas, ${options.running} at once each: ${Math.round((options.jobs - from) / seconds)} jobs a second (${options.jobs} in ${Math.round((performance.now() - startedAt) / 1000)} s with the start)`,
    );
  } finally {
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
  }
}

/** Medians of add, take and finish, one after the other. */
async function costWith(waiting: number): Promise<void> {
  const schema = database.schema();
  await using store = await openPostgresJobStore(readConfig(settings(schema, 'cost')), new Meter(), 'cost');
  await fill(schema, waiting);
  await pause(1_000);
  const times = { nowMs: Date.now(), expiresMs: Date.now() + 86_400_000 };
  const spent = { add: [] as number[], take: [] as number[], finish: [] as number[] };
  const timed = async <T>(of: number[], act: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const answer = await act();
    of.push(performance.now() - startedAt);
    return answer;
  };
  const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  for (let n = 0; n < options.taken; n += 1) {
    const job = {
      id: randomUUID(),
      tenant: `tenant-${n % 3}`,
      request: { kind: 'generate', parameters: {}, files: [] },
      madeBy: ids,
      trace: ids,
      createdMs: Date.now(),
      idempotency: undefined,
    } as const;
    await timed(spent.add, () => store.add(job, { jobsMax: 10_000_000, ofTenantMax: 10_000_000 }));
    const of = { places: 1, placesOfKind: 1_000, placesLeft: {}, nowMs: Date.now(), startedMs: Date.now() };
    const [taken] = await timed(spent.take, () => store.take(of));
    if (!taken) throw new Error('Nothing was taken.');
    await timed(spent.finish, () =>
      store.finish(taken.id, taken.attempt, { state: 'done', result: { files: [], facts: {} } }, times),
    );
  }
  const shown = Object.entries(spent).map(([name, ms]) => `${name} ${median(ms).toFixed(2)}`);
  console.log(`${waiting} waiting, median ms: ${shown.join(', ')}`);
}

await throughput();
await costWith(100);
await costWith(options.waiting);
