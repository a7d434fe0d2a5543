import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { openJobs } from '../../src/jobs/open-jobs.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { addJobs } from '../../testkit/jobs/add-jobs.ts';
import { countEnds } from '../../testkit/jobs/count-ends.ts';
import { type Replica, startReplica } from '../../testkit/jobs/replica.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { randomFrom } from '../../testkit/random-from.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const jobsAll = Number(process.env.VITRINE_REPLICA_JOBS ?? 300);
const faultsAll = Number(process.env.VITRINE_REPLICA_FAULTS ?? 6);
const seed = Number(process.env.VITRINE_REPLICA_SEED ?? 1);

describe('three replicas on one PostgreSQL', () => {
  it(`end each of ${jobsAll} jobs of three tenants once, with its right result, while ${faultsAll} times a replica is killed or frozen or the database restarts or is killed`, async function () {
    this.timeout(600_000);
    await using database = availableOrSkip(this, await startPostgres());
    await using folder = await temporaryFolder();
    const random = randomFrom(seed);
    const schema = database.schema();
    const env = (name: string) => ({
      VITRINE_DATA: join(folder.path, name),
      VITRINE_DATABASE_URL: database.url,
      VITRINE_DATABASE_SCHEMA: schema,
      VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
      VITRINE_JOB_LEASE_MS: '4000',
      VITRINE_DATABASE_POLL_MS: '500',
      VITRINE_JOBS_RUNNING_MAX: '4',
      VITRINE_JOBS_OF_KIND_RUNNING_MAX: '4',
      VITRINE_JOBS_OF_TENANT_MAX: '100000',
      VITRINE_JOBS_MAX: '100000',
      // These processes end by us, not by their jobs.
      VITRINE_JOB_INTERRUPTIONS_MAX: '10000',
    });
    await using callers = await openJobs(readConfig(env('callers')), new Meter(), () =>
      Promise.reject(new Error('Nobody works here.')),
    );
    await countEnds(database, schema);
    await using replicas = new Replicas(['one', 'two', 'three'].map(env));
    await replicas.start();
    const adding = addJobs(callers, jobsAll, random);
    const faults: string[] = [];
    for (let n = 0; n < faultsAll; n += 1) {
      await pause(500 + random() * 2_000);
      faults.push(await fault(n % 4, { database, replicas, random }));
    }
    const sent = await adding;
    const left = () =>
      database.ask(`SELECT state, count(*) FROM ${schema}.job WHERE state IN ('waiting', 'running') GROUP BY state`);
    await waitFor('all jobs to end', async () => (await left()).length === 0, { deadlineMs: 400_000, everyMs: 500 });

    const rows = await database.ask(`SELECT id, state, attempt, result FROM ${schema}.job`);
    assert.equal(rows.length, jobsAll);
    const ends = await database.ask(`SELECT id, count(*) AS count FROM ${schema}.ends GROUP BY id`);
    assert.deepEqual(
      ends.filter(({ count }) => Number(count) !== 1),
      [],
      `ended more than once, after ${faults.join(', ')}`,
    );
    assert.equal(ends.length, jobsAll);
    let repeated = 0;
    for (const { id, state, attempt, result } of rows) {
      assert.equal(state, 'done');
      const kept = JSON.parse(String(result)) as { attempt: number };
      assert.equal(kept.attempt, attempt);
      const answer = await readFile(
        join(folder.path, 'shared/results', String(id), String(attempt), 'answer.txt'),
        'utf8',
      );
      assert.equal(answer, `${sent.get(String(id))} by attempt ${attempt}`);
      if (Number(attempt) > 1) repeated += 1;
    }
    console.log(`      ${faults.join(', ')}; ${repeated} jobs took more than one attempt`);
  });
});

class Replicas implements AsyncDisposable {
  readonly #envs: readonly Record<string, string>[];
  readonly #running: Replica[] = [];

  constructor(envs: readonly Record<string, string>[]) {
    this.#envs = envs;
  }

  async start(): Promise<void> {
    for (const [at, env] of this.#envs.entries()) this.#running[at] = await startReplica(env);
  }

  get count(): number {
    return this.#envs.length;
  }

  async killAndStart(at: number): Promise<void> {
    await this.#running[at]!.kill('SIGKILL');
    this.#running[at] = await startReplica(this.#envs[at]!);
  }

  /** For longer than its lease. */
  async freeze(at: number, ms: number): Promise<void> {
    this.#running[at]!.signal('SIGSTOP');
    await pause(ms);
    this.#running[at]!.signal('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.#running) await replica[Symbol.asyncDispose]();
  }
}

type Ground = { database: TestPostgres; replicas: Replicas; random: () => number };

async function fault(which: number, { database, replicas, random }: Ground): Promise<string> {
  const at = Math.floor(random() * replicas.count);
  switch (which) {
    case 3:
      await replicas.killAndStart(at);
      return `replica ${at} killed`;
    case 2:
      await replicas.freeze(at, 10_000);
      return `replica ${at} frozen`;
    case 1:
      await database.stop();
      await pause(1_000 + random() * 2_000);
      await database.start();
      return 'database restarted';
    default:
      await database.kill();
      await database.start();
      return 'database killed';
  }
}
