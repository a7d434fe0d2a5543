import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { openJobs } from '../../src/jobs/open-jobs.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type Checkout, checkoutOf } from '../../testkit/checkout-of.ts';
import { addJobs } from '../../testkit/jobs/add-jobs.ts';
import { countEnds } from '../../testkit/jobs/count-ends.ts';
import { startReplica } from '../../testkit/jobs/replica.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { randomFrom } from '../../testkit/random-from.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

/** The first version that shared its jobs in PostgreSQL. */
const commitBefore = '2b2eca5';
const jobsAll = 60;

describe('a version before and this one on one database', function () {
  this.timeout(300_000);
  let database: TestPostgres;
  let older: Checkout;

  before(async function () {
    database = availableOrSkip(this, await startPostgres());
    older = availableOrSkip(this, await checkoutOf(commitBefore));
  });
  after(async () => {
    await older?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  for (const first of ['older', 'newer'] as const)
    it(`do the jobs together, each once, with the ${first} one there first`, async () => {
      await using folder = await temporaryFolder();
      const schema = database.schema();
      const env = (name: string) => ({
        VITRINE_DATA: join(folder.path, name),
        VITRINE_DATABASE_URL: database.url,
        VITRINE_DATABASE_SCHEMA: schema,
        VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
        VITRINE_JOB_LEASE_MS: '4000',
        VITRINE_DATABASE_POLL_MS: '500',
        VITRINE_JOBS_RUNNING_MAX: '2',
        VITRINE_JOBS_OF_KIND_RUNNING_MAX: '2',
        REPLICA_WORK_MS: '50',
      });
      const start = (name: 'older' | 'newer') =>
        startReplica(env(name), name === 'older' ? { from: older.folder } : {});
      await using one = await start(first);
      await countEnds(database, schema);
      await using callers = await openJobs(readConfig(env('callers')), new Meter(), () =>
        Promise.reject(new Error('Nobody works here.')),
      );
      const second = first === 'older' ? 'newer' : 'older';
      await using two = await start(second);
      const adding = addJobs(callers, jobsAll, randomFrom(1));
      const ends = () => database.ask(`SELECT id, owner FROM ${schema}.ends`);
      await waitFor('some to be done', async () => (await ends()).length > jobsAll / 4, { deadlineMs: 120_000 });
      // What it worked on goes to the other version, and it comes back as the other version.
      await two.kill('SIGKILL');
      await using three = await startReplica(env(second));
      const sent = await adding;
      await waitFor('all to be done', async () => (await ends()).length >= jobsAll, { deadlineMs: 120_000 });
      await one.kill('SIGTERM');
      await three.kill('SIGTERM');

      const ended = await ends();
      assert.equal(ended.length, jobsAll);
      assert.equal(new Set(ended.map(({ id }) => id)).size, jobsAll);
      for (const name of ['older', 'newer']) {
        const instance = (await readFile(join(folder.path, name, 'service/instance-id'), 'utf8')).trim();
        assert.ok(
          ended.some(({ owner }) => String(owner).startsWith(instance)),
          `the ${name} one did none of ${JSON.stringify(ended)}`,
        );
      }
      for (const { id, state, attempt } of await database.ask(`SELECT id, state, attempt FROM ${schema}.job`)) {
        assert.equal(state, 'done');
        const answer = join(folder.path, 'shared/results', String(id), String(attempt), 'answer.txt');
        assert.equal(await readFile(answer, 'utf8'), `${sent.get(String(id))} by attempt ${attempt}`);
        // This version shows it, whichever one did it.
        assert.equal((await callers.queue.find(String(id)))?.state, 'done');
      }
    });
});
