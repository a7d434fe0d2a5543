import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded, type Job } from '../../src/jobs/job.ts';
import type { JobStore } from '../../src/jobs/job-store.ts';
import { JobDatabase } from '../../src/jobs/sqlite/job-database.ts';
import { jobMigrations } from '../../src/jobs/sqlite/job-migrations.ts';
import { openJobDatabase } from '../../src/jobs/sqlite/open-job-database.ts';
import { openSqliteJobStore } from '../../src/jobs/sqlite/sqlite-job-store.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { postgres, someStore, sqlite } from './job-stores.ts';
import { noLimits, someJob } from './some-job.ts';

for (const kind of [sqlite, postgres])
  describe(`the jobs’ store in ${kind.title}`, () => {
    before(async function () {
      await kind.begin(this);
    });
    after(() => kind.end());

    it('has a job in every particular after it was closed and opened again', async () => {
      await using at = await someStore(kind);
      const made = someJob({
        request: {
          kind: 'separate',
          parameters: { stems: ['harmonic'], ratio: 0.5 },
          files: [{ field: 'file', name: 'ä/../b.wav', path: 'upload-1', sizeBytes: 7 }],
        },
      });
      assert.equal((await at.store.add(made, noLimits)).kind, 'added');
      const store = await at.again();
      const found = await store.get(made.id);
      assert.deepEqual(found?.request, made.request);
      assert.deepEqual(found?.trace, made.trace);
      assert.deepEqual(found?.madeBy, made.madeBy);
      assert.equal(found?.state, 'waiting');
      assert.equal(await store.get('another'), undefined);
    });

    it('lets a job end once: only the present attempt may say how', async () => {
      await using at = await someStore(kind);
      const { times } = at;
      const { id } = someJob();
      await at.store.add(someJob({ id }), noLimits);
      const first = await takeOne(at.store);
      await (await at.again()).recover({ interruptionsMax: 10, ...times });
      const second = await takeOne(at.store);
      assert.deepEqual([first.attempt, second.attempt, second.interruptions], [1, 2, 1]);
      const failure = { state: 'failed', failure: { code: 'internal', message: 'x' } } as const;
      assert.equal((await at.store.finish(id, 1, failure, times))?.state, 'running');
      const done = await at.store.finish(id, 2, { state: 'done', result: { files: [], facts: { n: 1 } } }, times);
      assert.equal(done?.state, 'done');
      // A caller that did not hear it may say it again, and hears how the job stands.
      assert.deepEqual(await at.store.finish(id, 2, failure, times), done);
      assert.deepEqual(await at.store.giveBack(id, 2, { because: 'failed', notBeforeMs: 0, ...times }), done);
      assert.deepEqual(done.result, { files: [], facts: { n: 1 } });
    });

    it('gives the next place to the tenant with the fewest running, and within a tenant to the oldest', async () => {
      await using at = await someStore(kind);
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

    it('takes several as one after the other: by tenant, and no more of a kind than it has places', async () => {
      await using at = await someStore(kind);
      const { store } = at;
      for (let n = 0; n < 4; n += 1) await store.add(someJob({ tenant: 'many', createdMs: n }), noLimits);
      for (let n = 4; n < 6; n += 1) await store.add(someJob({ tenant: 'few', createdMs: n }), noLimits);
      await store.add(someJob({ tenant: 'other', kind: 'score', createdMs: 6 }), noLimits);
      const taken: Job[] = [];
      const placesOfKind = 4;
      for (;;) {
        const of = (wanted: string) => taken.filter(({ request }) => request.kind === wanted).length;
        const placesLeft = { generate: placesOfKind - of('generate'), score: placesOfKind - of('score') };
        const places = 6 - taken.length;
        const some =
          places > 0 ? await store.take({ places, placesOfKind, placesLeft, nowMs: 1e15, startedMs: 1 }) : [];
        if (some.length === 0) break;
        taken.push(...some);
      }
      assert.deepEqual(taken.map(({ createdMs }) => createdMs).sort(), [0, 1, 4, 5, 6]);
    });

    it('ends several jobs at once, each once, and an attempt that is over ends none', async () => {
      await using at = await someStore(kind);
      const { store, times } = at;
      for (let n = 0; n < 5; n += 1) await store.add(someJob({ createdMs: n }), noLimits);
      const taken: Job[] = [];
      while (taken.length < 5)
        taken.push(...(await store.take({ ...onePlace, places: 5 - taken.length, nowMs: 1e15, startedMs: 1 })));
      const end = { state: 'done', result: { attempt: 1, files: [], facts: {} } } as const;
      const ended = await Promise.all(
        taken.map(({ id, attempt }, n) => store.finish(id, n === 4 ? attempt + 1 : attempt, end, times)),
      );
      assert.deepEqual(
        ended.map((job) => [job?.id, job?.state]),
        taken.map(({ id }, n) => [id, n === 4 ? 'running' : 'done']),
      );
    });

    it('passes over kinds that are full and jobs whose time has not come', async () => {
      await using at = await someStore(kind);
      const { store, times } = at;
      await store.add(someJob({ kind: 'score' }), noLimits);
      const take = async (placesLeft: Record<string, number>, nowMs: number) =>
        (await store.take({ ...onePlace, placesLeft, nowMs, startedMs: nowMs }))[0];
      assert.equal(await take({ score: 0 }, times.nowMs), undefined);
      const taken = await takeOne(store);
      const notBeforeMs = times.nowMs + 60_000;
      await store.giveBack(taken.id, taken.attempt, { because: 'failed', notBeforeMs, ...times });
      assert.equal(await take({}, times.nowMs), undefined);
      assert.equal(await store.nextAtMs(0), notBeforeMs);
      assert.equal((await take({}, notBeforeMs))?.failures, 1);
    });

    it('knows an idempotency key by tenant and by what was asked', async () => {
      await using at = await someStore(kind);
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
      await using at = await someStore(kind);
      const { store } = at;
      const limits = { jobsMax: 2, ofTenantMax: 1 };
      await store.add(someJob(), limits);
      assert.deepEqual(await store.add(someJob(), limits), { kind: 'full', what: 'tenant', count: 1 });
      await store.add(someJob({ tenant: 'b' }), limits);
      assert.deepEqual(await store.add(someJob({ tenant: 'c' }), limits), { kind: 'full', what: 'all', count: 2 });
    });

    it('fails the one job during which the process ended too often, and none that only ran beside it', async () => {
      await using at = await someStore(kind);
      const { times } = at;
      const [poison, neighbour, later] = [1, 2, 3].map((createdMs) => someJob({ createdMs, tenant: `${createdMs}` }));
      for (const job of [poison, neighbour]) await at.store.add(job!, noLimits);
      // Its first end finds two at work: nobody knows which of them it was.
      for (const _ of [1, 2]) await takeOne(at.store);
      assert.equal((await (await at.again()).recover({ interruptionsMax: 2, ...times })).suspects, 2);
      await at.store.add(later!, noLimits);
      const charged: string[] = [];
      const ended: string[] = [];
      // A process that works on the poison is ended by it; the others are done.
      for (let life = 0; life < 20 && ended.length < 3; life += 1) {
        const job = await takeOne(at.store);
        assert.deepEqual(job.suspect ? await at.store.take({ ...onePlace, nowMs: 1e15, startedMs: 1 }) : [], []);
        if (job.id !== poison!.id) {
          await at.store.finish(job.id, job.attempt, { state: 'done', result: { files: [], facts: {} } }, times);
          ended.push(`${job.tenant} done`);
          continue;
        }
        charged.push(job.tenant);
        const recovered = await (await at.again()).recover({ interruptionsMax: 2, ...times });
        ended.push(...recovered.ended.map(({ tenant, failure }) => `${tenant} ${failure?.code}`));
      }
      assert.deepEqual(charged, ['1', '1']);
      assert.deepEqual(ended, ['2 done', '1 job_interrupted', '3 done']);
      assert.equal((await at.store.get(neighbour!.id))?.interruptions, 0);
    });

    it('charges nobody with a stop in order, and cancels what was being cancelled', async () => {
      await using at = await someStore(kind);
      const { times } = at;
      const [wanted, unwanted] = [someJob({ createdMs: 1 }), someJob({ createdMs: 2 })];
      await at.store.add(wanted, noLimits);
      await takeOne(at.store);
      await at.store.excuse();
      const excused = await (await at.again()).recover({ interruptionsMax: 1, ...times });
      assert.deepEqual([excused.ended.length, excused.suspects, excused.waiting], [0, 0, 1]);
      // The next attempt is not excused by that.
      await takeOne(at.store);
      await at.store.add(unwanted, noLimits);
      await takeOne(at.store);
      await at.store.cancel(unwanted.id, times);
      const recovered = await (await at.again()).recover({ interruptionsMax: 1, ...times });
      assert.deepEqual(
        recovered.ended.map(({ id, state }) => [id, state]),
        [[unwanted.id, 'cancelled']],
      );
      assert.equal(recovered.suspects, 1);
    });

    it('cancels what is given back after somebody wanted that', async () => {
      await using at = await someStore(kind);
      const { store, times } = at;
      const { id } = someJob();
      await store.add(someJob({ id }), noLimits);
      const taken = await takeOne(store);
      assert.equal((await store.cancel(id, times))?.endedNow, false);
      const given = await store.giveBack(id, taken.attempt, { because: 'stalled', notBeforeMs: 0, ...times });
      assert.equal(given?.state, 'cancelled');
      assert.equal((await store.cancel(id, times))?.endedNow, false);
    });

    it('lists every job once, page by page, also when all are of one millisecond', async () => {
      await using at = await someStore(kind);
      const { store } = at;
      const ids = new Set<string>();
      for (const createdMs of [1, 1, 1, 1, 1, 2, 2]) {
        const job = someJob({ createdMs });
        ids.add(job.id);
        await store.add(job, noLimits);
      }
      const seen: string[] = [];
      for (let last: Job | undefined; ; ) {
        const place = last ? { beforeMs: last.createdMs, behindId: last.id } : { beforeMs: 1e15 };
        const page = await store.list({ tenant: 'anonymous', limit: 2, ...place });
        seen.push(...page.map(({ id }) => id));
        last = page.at(-1);
        if (!last) break;
      }
      assert.equal(seen.length, 7);
      assert.deepEqual(new Set(seen), ids);
    });

    it('forgets what is past its time, and only that', async () => {
      await using at = await someStore(kind);
      const { store } = at;
      const ids = [someJob({ createdMs: 1 }), someJob({ createdMs: 2 }), someJob({ createdMs: 3 })];
      for (const job of ids) await store.add(job, noLimits);
      const first = await takeOne(store);
      await store.finish(
        first.id,
        1,
        { state: 'done', result: { files: [], facts: {} } },
        { nowMs: 10, expiresMs: 20 },
      );
      await store.cancel(ids[1]!.id, { nowMs: 10, expiresMs: 30 });
      assert.deepEqual(await store.expire(19, 100), []);
      assert.deepEqual(await store.expire(20, 100), [first.id]);
      assert.equal((await store.list({ tenant: 'anonymous', beforeMs: 1e15, limit: 10 })).length, 2);
    });

    it('forgets what is deleted: at once where it has ended or waits, else when its attempt ends', async () => {
      await using at = await someStore(kind);
      const { store, times } = at;
      const [waits, runs, retried, ended] = [someJob(), someJob(), someJob(), someJob()];
      for (const job of [runs, retried, ended]) {
        await store.add(job, noLimits);
        await takeOne(store);
      }
      await store.add(waits, noLimits);
      await store.finish(ended.id, 1, { state: 'done', result: { files: [], facts: {} } }, times);

      const deleted = async (id: string) => {
        const { job, endedNow } = (await store.delete(id, times))!;
        return [job.state, endedNow, (await store.get(id))?.state];
      };
      assert.deepEqual(await deleted(waits.id), ['cancelled', true, undefined]);
      assert.deepEqual(await deleted(ended.id), ['done', false, undefined]);
      assert.deepEqual(await deleted(runs.id), ['running', false, 'running']);
      assert.deepEqual(await deleted(retried.id), ['running', false, 'running']);
      assert.equal(await store.delete(waits.id, times), undefined);

      const given = await store.giveBack(retried.id, 1, { because: 'failed', notBeforeMs: 0, ...times });
      assert.deepEqual([given?.state, given?.deleteWanted], ['cancelled', true]);
      assert.equal((await store.finish(runs.id, 1, { state: 'cancelled' }, times))?.deleteWanted, true);
      assert.deepEqual(await store.list({ tenant: 'anonymous', beforeMs: 1e15, limit: 10 }), []);
    });

    it('forgets at the next start what was deleted while it ran in a process that was killed', async () => {
      await using at = await someStore(kind);
      const { times } = at;
      const job = someJob();
      await at.store.add({ ...job, idempotency: { key: 'once', fingerprint: 'a' } }, noLimits);
      await takeOne(at.store);
      await at.store.delete(job.id, times);
      const { ended, live } = await (await at.again()).recover({ interruptionsMax: 3, ...times });
      assert.deepEqual([ended.map(({ id, state }) => [id, state]), live], [[[job.id, 'cancelled']], []]);
      assert.equal(await at.store.get(job.id), undefined);
    });

    it('takes the key of a deleted job for another one', async () => {
      await using at = await someStore(kind);
      const { store, times } = at;
      const idempotency = { key: 'once', fingerprint: 'a' };
      const job = someJob();
      await store.add({ ...job, idempotency }, noLimits);
      await takeOne(store);
      await store.delete(job.id, times);
      assert.equal((await store.add({ ...someJob(), idempotency }, noLimits)).kind, 'added');
    });

    it('says what waits, what runs and how old the oldest is', async () => {
      await using at = await someStore(kind);
      const { store } = at;
      await store.add(someJob({ createdMs: 1_000, kind: 'score' }), noLimits);
      await store.add(someJob({ createdMs: 2_000, kind: 'score' }), noLimits);
      const taken = await takeOne(store, 3_000);
      assert.deepEqual((await store.standing(5_000)).kinds, [
        { kind: 'score', waiting: 1, running: 1, oldestMs: 4_000 },
      ]);
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
  it('puts back what one process of several ran, and lets a suspect wait for a process that has nothing else', async () => {
    await using folder = await temporaryFolder();
    const { database } = openJobDatabase(join(folder.path, 'jobs.sqlite'));
    const jobs = new JobDatabase(database);
    const take = (owner: string) => jobs.take({ owner, kindsFull: [], nowMs: 1, startedMs: 1 })?.createdMs;
    for (const createdMs of [1, 2, 3, 4]) jobs.add(someJob({ createdMs }), noLimits);
    assert.deepEqual([take('a'), take('b')], [1, 2]);
    const recovered = jobs.recover({ owner: 'a', interruptionsMax: 3, nowMs: 5, expiresMs: 9 });
    assert.deepEqual([recovered.suspects, recovered.waiting, recovered.live.length], [1, 3, 4]);
    // The first that sees it keeps it until its own work is done; the others go on.
    assert.equal(take('b'), undefined);
    assert.equal(take('c'), 3);
    const [mine] = jobs.list({ tenant: undefined, beforeMs: 3, limit: 1 });
    jobs.finish(mine!.id, 1, { state: 'cancelled' }, { nowMs: 5, expiresMs: 9 });
    assert.deepEqual([take('b'), take('b'), take('c')], [1, undefined, 4]);
    database.close();
  });

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
      message: new RegExp(`a newer Vitrine wrote it \\(its schema is ${next.length},`),
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

  it('that is no database any more is set aside with all uploads and results, and a new one takes jobs', async () => {
    for (const damage of [
      (file: string) => writeFile(file, 'no database at all, but long enough to be looked at'.repeat(100)),
      (file: string) => truncate(file, 0),
      (file: string) => rm(file),
    ]) {
      await using at = await damagedStore(damage);
      await using store = await openSqliteJobStore({ data: at.data });
      assert.equal((await store.add(someJob(), noLimits)).kind, 'added');
      const aside = await at.setAside();
      assert.deepEqual(await namesIn(aside, 'work'), at.waiting);
      assert.deepEqual(await namesIn(aside, 'results'), at.done);
    }
  });

  it('that is damaged in places gives its readable jobs back, with their uploads and results, and loses nothing of the rest', async () => {
    // From the second page on: one of the table's leaves, and one of an index.
    let lost = 0;
    for (const page of [12, 20, 25]) {
      await using at = await damagedStore((file) => overwritePage(file, page));
      await using store = await openSqliteJobStore({ data: at.data });
      const saved = await store.list({ tenant: 'anonymous', beforeMs: 1e15, limit: 1_000 });
      assert.ok(saved.length >= at.ids.length - 30, `${saved.length} of ${at.ids.length}`);
      lost += at.ids.length - saved.length;
      const ids = (ended: boolean) => saved.filter((job) => hasEnded(job) === ended).map(({ id }) => id);
      const aside = await at.setAside();
      for (const [name, here, all] of [
        ['work', ids(false).sort(), at.waiting],
        ['results', ids(true).sort(), at.done],
      ] as const) {
        assert.deepEqual(await namesIn(join(at.data, 'service'), name), here);
        assert.deepEqual([...here, ...(await namesIn(aside, name))].sort(), all);
        for (const id of here)
          assert.equal(await readFile(join(at.data, 'service', name, id, 'file'), 'utf8'), `of ${id}`);
      }
      // What was damaged lies there as it was.
      assert.deepEqual(await readFile(join(aside, 'jobs.sqlite')), at.bytes);
    }
    assert.ok(lost > 0, 'no damaged page held a job');
  });

  it('is set aside as a whole by the next start when a start was killed at it', async () => {
    await using at = await damagedStore((file) => overwritePage(file, 12));
    const service = join(at.data, 'service');
    const half = join(service, 'jobs.setting-aside');
    await mkdir(join(half, 'work'), { recursive: true });
    await rename(join(service, 'work', at.waiting[0]!), join(half, 'work', at.waiting[0]!));
    {
      await using store = await openSqliteJobStore({ data: at.data });
      const saved = await store.list({ tenant: 'anonymous', beforeMs: 1e15, limit: 1_000 });
      const works = saved.filter((job) => !hasEnded(job)).map(({ id }) => id);
      assert.deepEqual(await namesIn(service, 'work'), works.sort());
    }
    // Killed again, when the new database was in its place and only the name was missing.
    await rename(await at.setAside(), half);
    const before = await namesIn(service, 'results');
    await using _store = await openSqliteJobStore({ data: at.data });
    assert.deepEqual(await namesIn(service, 'results'), before);
    assert.equal(existsSync(half), false);
  });

  it('is opened by one service only', async () => {
    await using folder = await temporaryFolder();
    await using _first = await openSqliteJobStore({ data: folder.path });
    await assert.rejects(openSqliteJobStore({ data: folder.path }), {
      code: 'invalid_setting',
      message: /another service has it open/,
    });
  });
});

type DamagedStore = AsyncDisposable & {
  readonly data: string;
  readonly ids: string[];
  readonly waiting: string[];
  readonly done: string[];
  /** The damaged file. */
  readonly bytes: Buffer | undefined;
  setAside(): Promise<string>;
};

/** A store of 200 jobs with their folders, half of them done, whose file something happened to. */
async function damagedStore(damage: (file: string) => Promise<void>): Promise<DamagedStore> {
  const folder = await temporaryFolder();
  const service = join(folder.path, 'service');
  const file = join(service, 'jobs.sqlite');
  const { database } = openJobDatabase(file);
  // Nobody cuts the power here.
  database.exec('PRAGMA synchronous = OFF');
  const jobs = new JobDatabase(database);
  const [waiting, done]: [string[], string[]] = [[], []];
  for (let n = 0; n < 200; n += 1) {
    const { id } = someJob();
    jobs.add(someJob({ id, createdMs: n }), noLimits);
    const [name, ids] = n % 2 === 0 ? (['results', done] as const) : (['work', waiting] as const);
    ids.push(id);
    await mkdir(join(service, name, id), { recursive: true });
    await writeFile(join(service, name, id, 'file'), `of ${id}`);
  }
  for (const id of done) database.prepare(`UPDATE job SET state = 'done' WHERE id = ?`).run(id);
  jobs.close();
  await damage(file);
  return {
    data: folder.path,
    ids: [...waiting, ...done],
    waiting: waiting.sort(),
    done: done.sort(),
    bytes: await readFile(file).catch(() => undefined),
    setAside: async () => {
      const names = (await readdir(service)).filter((name) => name.startsWith('jobs.damaged-'));
      assert.equal(names.length, 1);
      return join(service, names[0]!);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function overwritePage(file: string, page: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(4096, 0xa5), 0, 4096, (page - 1) * 4096);
  await handle.close();
}

async function namesIn(folder: string, name: string): Promise<string[]> {
  return (await readdir(join(folder, name))).sort();
}

const onePlace = { places: 1, placesOfKind: 100, placesLeft: {} };

async function takeOne(store: JobStore, nowMs = Date.now()): Promise<Job> {
  const [job] = await store.take({ ...onePlace, nowMs, startedMs: nowMs });
  assert.ok(job);
  return job;
}
