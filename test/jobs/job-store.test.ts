import assert from 'node:assert/strict';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../../src/jobs/job.ts';
import { JobDatabase } from '../../src/jobs/job-database.ts';
import { jobMigrations } from '../../src/jobs/job-migrations.ts';
import { openJobDatabase } from '../../src/jobs/open-job-database.ts';
import { SqliteJobStore } from '../../src/jobs/sqlite-job-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { noLimits, someJob } from './some-job.ts';

describe('the jobs’ store', () => {
  it('has a job in every particular after it was closed and opened again', async () => {
    await using data = await temporaryFolder();
    const made = someJob({
      request: {
        kind: 'separate',
        parameters: { stems: ['harmonic'], ratio: 0.5 },
        files: [{ field: 'file', name: 'ä/../b.wav', path: 'upload-1', sizeBytes: 7 }],
      },
    });
    {
      await using store = await SqliteJobStore.open({ data: data.path });
      assert.equal((await store.add(made, noLimits)).kind, 'added');
    }
    await using store = await SqliteJobStore.open({ data: data.path });
    const found = await store.get(made.id);
    assert.deepEqual(found?.request, made.request);
    assert.deepEqual(found?.trace, made.trace);
    assert.deepEqual(found?.madeBy, made.madeBy);
    assert.equal(found?.state, 'waiting');
    assert.equal(await store.get('another'), undefined);
  });

  it('lets a job end once: only the present attempt may say how', async () => {
    await using at = await someStore();
    const { store, times } = at;
    const { id } = someJob();
    await store.add(someJob({ id }), noLimits);
    const first = await takeOne(store);
    await store.recover({ interruptionsMax: 10, ...times });
    const second = await takeOne(store);
    assert.deepEqual([first.attempt, second.attempt, second.interruptions], [1, 2, 1]);
    const failure = { state: 'failed', failure: { code: 'internal', message: 'x' } } as const;
    assert.equal(await store.finish(id, 1, failure, times), false);
    assert.equal(await store.finish(id, 2, { state: 'done', result: { files: [], facts: { n: 1 } } }, times), true);
    assert.equal(await store.finish(id, 2, failure, times), false);
    assert.equal(await store.giveBack(id, 2, 'failed', 0), false);
    assert.deepEqual((await store.get(id))?.result, { files: [], facts: { n: 1 } });
  });

  it('gives the next place to the tenant with the fewest running, and within a tenant to the oldest', async () => {
    await using at = await someStore();
    const { store } = at;
    for (let n = 0; n < 3; n += 1) await store.add(someJob({ tenant: 'many', createdMs: n }), noLimits);
    await store.add(someJob({ tenant: 'one', createdMs: 100 }), noLimits);
    const taken = [await takeOne(store), await takeOne(store), await takeOne(store)];
    assert.deepEqual(
      taken.map(({ tenant, createdMs }) => [tenant, createdMs]),
      [
        ['many', 0],
        ['one', 100],
        ['many', 1],
      ],
    );
  });

  it('passes over kinds that are full and jobs whose time has not come', async () => {
    await using at = await someStore();
    const { store, times } = at;
    await store.add(someJob({ kind: 'score' }), noLimits);
    assert.equal(await store.take({ kindsFull: ['score'], nowMs: times.nowMs }), undefined);
    const taken = await takeOne(store);
    await store.giveBack(taken.id, taken.attempt, 'failed', times.nowMs + 60_000);
    assert.equal(await store.take({ kindsFull: [], nowMs: times.nowMs }), undefined);
    assert.equal((await store.standing(times.nowMs)).nextAtMs, times.nowMs + 60_000);
    assert.equal((await store.take({ kindsFull: [], nowMs: times.nowMs + 60_000 }))?.failures, 1);
  });

  it('knows an idempotency key by tenant and by what was asked', async () => {
    await using at = await someStore();
    const { store } = at;
    const idempotency = { key: 'k', fingerprint: 'f' };
    const first = await store.add(someJob({ idempotency }), noLimits);
    const again = await store.add(someJob({ idempotency }), noLimits);
    assert.equal(again.kind, 'known');
    assert.equal('job' in again && again.job.id, 'job' in first && first.job.id);
    const other = { key: 'k', fingerprint: 'another' };
    assert.equal((await store.add(someJob({ idempotency: other }), noLimits)).kind, 'key_reused');
    assert.equal((await store.add(someJob({ idempotency: other, tenant: 'b' }), noLimits)).kind, 'added');
  });

  it('refuses beyond its limits, by tenant and in all', async () => {
    await using at = await someStore();
    const { store } = at;
    const limits = { jobsMax: 2, ofTenantMax: 1 };
    await store.add(someJob(), limits);
    assert.deepEqual(await store.add(someJob(), limits), { kind: 'full', what: 'tenant', count: 1 });
    await store.add(someJob({ tenant: 'b' }), limits);
    assert.deepEqual(await store.add(someJob({ tenant: 'c' }), limits), { kind: 'full', what: 'all', count: 2 });
  });

  it('fails a job during which the process ended too often, and cancels one that was being cancelled', async () => {
    await using at = await someStore();
    const { store, times } = at;
    const [poison, unwanted] = [someJob({ createdMs: 1 }), someJob({ createdMs: 2 })];
    await store.add(poison, noLimits);
    await takeOne(store);
    assert.equal((await store.recover({ interruptionsMax: 2, ...times })).ended.length, 0);
    await takeOne(store);
    await store.add(unwanted, noLimits);
    await takeOne(store);
    await store.cancel(unwanted.id, times);
    const recovered = await store.recover({ interruptionsMax: 2, ...times });
    assert.deepEqual(
      new Map(recovered.ended.map(({ id, state, failure }) => [id, failure?.code ?? state])),
      new Map([
        [unwanted.id, 'cancelled'],
        [poison.id, 'job_interrupted'],
      ]),
    );
  });

  it('forgets what is past its time, and only that', async () => {
    await using at = await someStore();
    const { store } = at;
    const ids = [someJob({ createdMs: 1 }), someJob({ createdMs: 2 }), someJob({ createdMs: 3 })];
    for (const job of ids) await store.add(job, noLimits);
    const first = await takeOne(store);
    await store.finish(first.id, 1, { state: 'done', result: { files: [], facts: {} } }, { nowMs: 10, expiresMs: 20 });
    await store.cancel(ids[1]!.id, { nowMs: 10, expiresMs: 30 });
    assert.deepEqual(await store.expire(19, 100), []);
    assert.deepEqual(await store.expire(20, 100), [first.id]);
    assert.equal(await store.remove(ids[2]!.id), false);
    assert.equal(await store.remove(ids[1]!.id), true);
    assert.equal((await store.list({ tenant: 'anonymous', beforeMs: 1e15, limit: 10 })).length, 1);
  });

  it('says what waits, what runs and how old the oldest is', async () => {
    await using at = await someStore();
    const { store } = at;
    await store.add(someJob({ createdMs: 1_000, kind: 'score' }), noLimits);
    await store.add(someJob({ createdMs: 2_000, kind: 'score' }), noLimits);
    const taken = await takeOne(store, 3_000);
    assert.deepEqual((await store.standing(5_000)).kinds, [{ kind: 'score', waiting: 1, running: 1, oldestMs: 4_000 }]);
    await store.finish(
      taken.id,
      1,
      { state: 'done', result: { files: [], facts: {} } },
      { nowMs: 3_700, expiresMs: 9e9 },
    );
    assert.deepEqual((await store.standing(5_000)).workMs, { score: 700 });
  });
});

describe('the file of the jobs’ store', () => {
  it('of an older version is brought up to date with its jobs in it; of a newer version it is refused and untouched', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'jobs.sqlite');
    const older = openJobDatabase(file);
    const job = someJob();
    new JobDatabase(older.database).add(job, noLimits);
    older.database.close();

    const next = [...jobMigrations, 'ALTER TABLE job ADD COLUMN colour TEXT; UPDATE job SET colour = tenant'];
    const newer = openJobDatabase(file, next);
    assert.equal(newer.database.prepare('SELECT colour FROM job WHERE id = ?').get(job.id)?.colour, 'anonymous');
    newer.database.close();

    const before = await readFile(file);
    assert.throws(() => openJobDatabase(file), {
      code: 'invalid_setting',
      message: /a newer Vitrine wrote it \(its schema is 2/,
    });
    assert.deepEqual(await readFile(file), before);
  });

  it('stays at the version before when a step of an update fails', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'jobs.sqlite');
    openJobDatabase(file).database.close();
    const broken = [...jobMigrations, 'ALTER TABLE job ADD COLUMN colour TEXT; SELECT no_such_function()'];
    assert.throws(() => openJobDatabase(file, broken));
    const { database } = openJobDatabase(file);
    assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, jobMigrations.length);
    assert.ok(
      !database
        .prepare('PRAGMA table_info(job)')
        .all()
        .some(({ name }) => name === 'colour'),
    );
    database.close();
  });

  it('that is damaged is set aside, and a new one takes jobs', async () => {
    for (const damage of [
      (file: string) => writeFile(file, 'no database at all, but long enough to be looked at'.repeat(100)),
      (file: string) => truncate(file, 5_000),
    ]) {
      await using folder = await temporaryFolder();
      const file = join(folder.path, 'service', 'jobs.sqlite');
      const opened = openJobDatabase(file);
      for (let n = 0; n < 50; n += 1) new JobDatabase(opened.database).add(someJob(), noLimits);
      opened.database.close();
      await damage(file);
      await using store = await SqliteJobStore.open({ data: folder.path });
      assert.equal((await store.add(someJob(), noLimits)).kind, 'added');
      assert.ok((await readdir(join(folder.path, 'service'))).some((name) => name.includes('.damaged-')));
    }
  });

  it('is opened by one service only', async () => {
    await using folder = await temporaryFolder();
    await using _first = await SqliteJobStore.open({ data: folder.path });
    await assert.rejects(SqliteJobStore.open({ data: folder.path }), {
      code: 'invalid_setting',
      message: /another service has it open/,
    });
  });
});

async function someStore(): Promise<
  AsyncDisposable & { store: SqliteJobStore; times: { nowMs: number; expiresMs: number } }
> {
  const folder = await temporaryFolder();
  const store = await SqliteJobStore.open({ data: folder.path });
  return {
    store,
    times: { nowMs: Date.now(), expiresMs: Date.now() + 60_000 },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function takeOne(store: SqliteJobStore, nowMs = Date.now()): Promise<Job> {
  const job = await store.take({ kindsFull: [], nowMs });
  assert.ok(job);
  return job;
}
