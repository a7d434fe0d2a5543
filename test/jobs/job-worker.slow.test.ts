import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/config.ts';
import { ServiceError } from '../../src/errors.ts';
import { ifThere } from '../../src/if-there.ts';
import type { Job } from '../../src/jobs/job.ts';
import { type Jobs, openJobs } from '../../src/jobs/open-jobs.ts';
import type { Perform } from '../../src/jobs/run-attempt.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { failCalls } from '../../testkit/fail-calls.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { postgres, type StoreKind, sqlite } from './job-stores.ts';
import { someJob } from './some-job.ts';

/** Of the tests that run now. */
let kind: StoreKind = sqlite;

for (const each of [sqlite, postgres])
  describe(`the worker of jobs in ${each.title}`, () => {
    before(async function () {
      kind = each;
      await each.begin(this);
    });
    after(() => each.end());

    it('does a job, keeps its files whole, and leaves nothing else on the disk', async () => {
      await using at = await jobsAt(writesTwoFiles);
      const id = await at.add();
      const job = await at.ended(id);
      assert.equal(job.state, 'done');
      const plain = job.result?.files.map(({ sha256: _, ...file }) => file);
      assert.deepEqual(
        { ...job.result, files: plain },
        {
          attempt: 1,
          files: [
            { name: 'sound.wav', contentType: 'audio/wav', sizeBytes: 5 },
            { name: '2-sound.wav', contentType: 'audio/wav', sizeBytes: 3 },
          ],
          facts: { seconds: 1 },
        },
      );
      assert.equal(await readFile(join(at.results, id, '1', 'sound.wav'), 'utf8'), 'whole');
      await waitFor('the work folder to go', async () => (await at.left('work')).length === 0);
      assert.deepEqual(await at.left('results'), [id]);
    });

    it('works on as many at once as may, of a kind and in all', async () => {
      const inside = new Map<string, number>();
      let most = 0;
      const gate = Promise.withResolvers<void>();
      await using at = await jobsAt(
        async (job, tools) => {
          const { kind } = job.request;
          inside.set(kind, (inside.get(kind) ?? 0) + 1);
          most = Math.max(most, inside.get(kind)!);
          await gate.promise;
          inside.set(kind, inside.get(kind)! - 1);
          return writesTwoFiles(job, tools);
        },
        { jobsRunningMax: 3, jobsOfKindRunningMax: 2 },
      );
      const ids = await Promise.all([1, 2, 3, 4].map(() => at.add()));
      await waitFor('two of a kind to run', () => inside.get('generate') === 2);
      ids.push(await at.add({ kind: 'score' }));
      await waitFor('another kind to have its place', () => inside.get('score') === 1);
      gate.resolve();
      for (const id of ids) assert.equal((await at.ended(id)).state, 'done');
      assert.equal(most, 2);
    });

    it('tries again what may pass, after a wait that doubles, and gives up after the attempts allowed', async () => {
      const attempts: number[] = [];
      const busyTwice: Perform = async (job, tools) => {
        attempts.push(performance.now());
        if (job.request.parameters.prompt === 'never' || job.failures < 2)
          throw new ServiceError('lane_crashed', 'Cannot run.');
        return writesTwoFiles(job, tools);
      };
      await using at = await jobsAt(busyTwice, { retryWaitMsFirst: 40 });
      const well = await at.ended(await at.add());
      assert.deepEqual([well.state, well.attempt, well.failures], ['done', 3, 2]);
      assert.ok(attempts[1]! - attempts[0]! >= 40);
      assert.ok(attempts[2]! - attempts[1]! >= 80);
      const ill = await at.ended(await at.add({ parameters: { prompt: 'never' } }));
      assert.deepEqual([ill.state, ill.attempt, ill.failure?.code], ['failed', 3, 'lane_crashed']);
    });

    it('waits as long as it takes while the disk or the machine cannot be used, whatever it answers', async () => {
      const codes = ['ENOSPC', 'EMFILE', 'ENFILE', 'EIO', 'ENOMEM', 'EBUSY', 'ESTALE', 'EAGAIN', 'EACCES', 'EROFS'];
      const later: Perform = async (job, tools) => {
        const { code } = job.request.parameters;
        if (job.attempt <= 5) throw Object.assign(new Error('Cannot open.'), { code });
        return writesTwoFiles(job, tools);
      };
      await using at = await jobsAt(later, { retryAttemptsMax: 2 });
      for (const id of await Promise.all(codes.map((code) => at.add({ parameters: { code } })))) {
        const job = await at.ended(id);
        assert.deepEqual([job.state, job.attempt, job.failures], ['done', 6, 0], String(job.request.parameters.code));
      }
    });

    it('keeps the result of a job whose folder cannot be removed at once, ends it once, and removes the folder later', async () => {
      for (const code of ['EBUSY', 'ENOTEMPTY', 'EIO', 'EMFILE']) {
        await using at = await jobsAt(writesTwoFiles, { jobResultAgeMsMax: 20_000 });
        using failing = failCalls('rm', { code, times: 3, path: /\/work\/[^/]+(\/attempt-1)?$/ });
        const id = await at.add();
        const ends: string[] = [];
        at.jobs.queue.events.follow(id, ({ job }) => job.state === 'done' && ends.push(job.state));
        await at.ended(id);
        await waitFor('the removal to fail', () => failing.failed > 0);
        await waitFor('the end to be told', () => ends.length > 0);
        assert.equal(await readFile(join(at.results, id, '1', 'sound.wav'), 'utf8'), 'whole');
        await waitFor('the work folder to go', async () => {
          await at.jobs.folders.tryAgain();
          return (await at.left('work')).length === 0;
        });
        assert.deepEqual(await at.left('results'), [id]);
        assert.deepEqual(ends, ['done']);
        assert.equal(endedIn(at), 1);
      }
    });

    it('keeps results and tries again in time when somebody sets the clock, forwards or backwards', async () => {
      await using data = await temporaryFolder();
      const now = Date.now;
      try {
        let id: string;
        {
          await using first = await jobsAt(writesTwoFiles, { data: data.path, jobResultAgeMsMax: 3_600_000 });
          id = await first.add();
          await first.ended(id);
        }
        Date.now = () => now() + 30 * 86_400_000;
        const failsOnce: Perform = async (job, tools) => {
          if (job.failures > 0) return writesTwoFiles(job, tools);
          Date.now = () => now() - 30 * 86_400_000;
          throw new ServiceError('lane_crashed', 'Cannot run.');
        };
        await using second = await jobsAt(failsOnce, { data: data.path, jobResultAgeMsMax: 3_600_000 });
        assert.equal((await second.ended(await second.add())).state, 'done');
        assert.equal((await second.jobs.queue.find(id))?.state, 'done');
        assert.equal((await second.left('results')).length, 2);
      } finally {
        Date.now = now;
      }
    });

    it('does not try again what will fail again, and hides what is a defect', async () => {
      const perform: Perform = async (job) => {
        throw job.request.kind === 'score' ? new Error('secret') : new ServiceError('invalid_input', 'Cannot read it.');
      };
      await using at = await jobsAt(perform);
      const refused = await at.ended(await at.add());
      assert.equal(refused.attempt, 1);
      const { code, message } = refused.failure ?? {};
      assert.deepEqual({ code, message }, { code: 'invalid_input', message: 'Cannot read it.' });
      const defect = await at.ended(await at.add({ kind: 'score' }));
      assert.equal(defect.failure?.code, 'internal');
      assert.doesNotMatch(defect.failure.message, /secret/);
      assert.deepEqual(await at.left('results'), []);
      await waitFor('the work folders to go', async () => (await at.left('work')).length === 0);
    });

    it('cancels what waits at once and what runs soon, and leaves what has ended', async () => {
      await using at = await jobsAt(untilAborted, { jobsRunningMax: 1 });
      const running = await at.add();
      await at.reaches(running, 'running');
      const waiting = await at.add();
      assert.equal((await at.jobs.queue.cancel(waiting))?.state, 'cancelled');
      assert.equal((await at.jobs.queue.cancel(running))?.cancelWanted, true);
      const ended = await at.ended(running);
      assert.equal(ended.state, 'cancelled');
      assert.deepEqual(await at.jobs.queue.cancel(running), ended);
      assert.equal(await at.jobs.queue.cancel(randomUUID()), undefined);
      await waitFor('the work folders to go', async () => (await at.left('work')).length === 0);
    });

    it('forgets a deleted job with all its files: what waits at once, what runs when nothing of it runs any more', async () => {
      const stop = Promise.withResolvers<void>();
      await using at = await jobsAt(
        async (job, tools) => {
          await untilAborted(job, tools).catch(() => stop.promise);
          return writesTwoFiles(job, tools);
        },
        { jobsRunningMax: 1 },
      );
      const running = await at.add();
      await at.reaches(running, 'running');
      const waiting = await at.add();
      assert.equal((await at.jobs.queue.delete(waiting))?.state, 'cancelled');
      assert.equal(await at.jobs.queue.find(waiting), undefined);
      assert.equal((await at.jobs.queue.delete(running))?.state, 'running');
      assert.equal((await at.jobs.queue.find(running))?.state, 'running');
      stop.resolve();
      await waitFor('the job to go', async () => (await at.jobs.queue.find(running)) === undefined);
      await waitFor('its files to go', async () =>
        [await at.left('work'), await at.left('results')].every((names) => names.length === 0),
      );
    });

    it('fails what takes too long', async () => {
      await using at = await jobsAt(untilAborted, { jobMsMax: 50 });
      assert.equal((await at.ended(await at.add())).failure?.code, 'deadline_exceeded');
    });

    it('gives back what it works on when it stops, and the next one does it', async () => {
      await using data = await temporaryFolder();
      let id: string;
      {
        await using first = await jobsAt(untilAborted, { data: data.path });
        id = await first.add();
        await first.reaches(id, 'running');
      }
      await using second = await jobsAt(writesTwoFiles, { data: data.path });
      const job = await second.ended(id);
      assert.deepEqual([job.state, job.attempt, job.failures, job.interruptions], ['done', 2, 0, 0]);
    });

    it('removes at its start what no job owns, and nothing that one does', async () => {
      await using data = await temporaryFolder();
      let [kept, waiting] = ['', ''];
      {
        await using first = await jobsAt(writesTwoFiles, { data: data.path });
        kept = await first.add();
        await first.ended(kept);
        await first.jobs.worker.stop();
      }
      {
        // Not started: what it takes waits.
        const config = configFor({ data: data.path });
        await using jobs = await openJobs(config, new Meter(), writesTwoFiles);
        waiting = await addTo(jobs);
      }
      for (const stray of ['work/stray', 'results/stray', `results/${waiting}.part`]) {
        await mkdir(join(data.path, 'service', stray), { recursive: true });
        await writeFile(join(data.path, 'service', stray, 'left.wav'), 'left');
      }
      await using second = await jobsAt(untilAborted, { data: data.path });
      await second.reaches(waiting, 'running');
      await waitFor('its folder alone', async () => (await second.left('work')).join() === waiting);
      await waitFor('the result alone', async () => (await second.left('results')).join() === kept);
    });

    it('forgets a result when its time to live is over', async () => {
      await using at = await jobsAt(writesTwoFiles, { jobResultAgeMsMax: 1_000 });
      const id = await at.add();
      await at.ended(id);
      await waitFor('the job to be forgotten', async () => (await at.jobs.queue.find(id)) === undefined);
      await waitFor('its files to go', async () => (await at.left('results')).length === 0);
    });

    it('tells progress and what is left, by what was done so far', async () => {
      const gate = Promise.withResolvers<void>();
      await using at = await jobsAt(async (job, tools) => {
        tools.progress(1, 4, 'chunk');
        await gate.promise;
        return writesTwoFiles(job, tools);
      });
      const id = await at.add();
      const job = await waitFor('progress', async () => {
        const found = await at.jobs.queue.find(id);
        return found?.progress && found;
      });
      assert.deepEqual(job.progress, { done: 1, total: 4, step: 'chunk' });
      assert.equal(await at.jobs.queue.estimateMs(job, job.startedMs! + 1_000), 3_000);
      const after = at.jobs.queue.events.of(id).map(({ kind, number }) => [kind, number]);
      assert.deepEqual(after, [
        ['state', 1],
        ['progress', 2],
      ]);
      gate.resolve();
      await at.ended(id);
    });

    it('counts whose failure it was when a job fails: a sound that cannot be read is its sender’s', async () => {
      await using at = await jobsAt(async () => {
        throw new ServiceError('invalid_audio', 'Cannot read the sound: it is cut off.');
      });
      await at.ended(await at.add());
      await waitFor('the count', () => {
        const points = at.meter.counter('jobs').points();
        const failed = (fault: string) =>
          points.findLast(
            ({ labels }) => labels.kind === 'generate' && labels.status === 'failed' && labels.fault === fault,
          );
        return failed('caller')?.value === 1 && failed('server')?.value === 0;
      });
    });

    it('counts every job that ended, by how', async () => {
      await using at = await jobsAt(writesTwoFiles);
      await at.ended(await at.add());
      await waitFor('the count', () => {
        const points = at.meter.counter('jobs').points();
        const done = points.find(({ labels }) => labels.kind === 'generate' && labels.status === 'done');
        const cancelled = points.find(({ labels }) => labels.kind === 'generate' && labels.status === 'cancelled');
        return done?.value === 1 && cancelled?.value === 0;
      });
    });
  });

const writesTwoFiles: Perform = async (_job, { folder }) => {
  await writeFile(join(folder, 'one'), 'whole');
  await writeFile(join(folder, 'two'), 'two');
  await writeFile(join(folder, 'scratch'), 'x');
  return {
    contentType: 'audio/wav',
    file: 'one',
    fileName: 'sound.wav',
    parts: [
      { name: 'itself.wav', contentType: 'audio/wav', file: join(folder, 'one') },
      { name: '../sound.wav', contentType: 'audio/wav', file: join(folder, 'two') },
    ],
    facts: { seconds: 1 },
  };
};

const untilAborted: Perform = (_job, { signal }) =>
  new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new ServiceError('caller_gone', 'Gone.'))),
  );

/** Jobs that were counted as ended, in whichever way. */
function endedIn({ meter }: Running): number {
  return meter
    .counter('jobs')
    .points()
    .reduce((sum, { value }) => sum + value, 0);
}

type Running = AsyncDisposable & {
  readonly jobs: Jobs;
  readonly meter: Meter;
  add(of?: { kind?: Job['request']['kind']; parameters?: Record<string, unknown> }): Promise<string>;
  reaches(id: string, state: Job['state']): Promise<Job>;
  ended(id: string): Promise<Job>;
  /** Where results are kept. */
  readonly results: string;
  left(folder: 'work' | 'results'): Promise<string[]>;
};

/** Jobs of the same data folder are in the same database. */
const schemas = new Map<string, Partial<Config>>();

function configFor(settings: Partial<Config>): Config {
  const schema = schemas.get(settings.data ?? '') ?? kind.settings(settings.data ?? '');
  schemas.set(settings.data ?? '', schema);
  return { ...readConfig({}), retryWaitMsFirst: 1, ...schema, ...settings };
}

async function jobsAt(perform: Perform, settings: Partial<Config> = {}): Promise<Running> {
  const folder = await temporaryFolder();
  const config = configFor({ data: folder.path, ...settings });
  const results = join(kind.files(config.data), 'results');
  const meter = new Meter();
  const jobs = await openJobs(config, meter, perform);
  await jobs.worker.start();
  const find = async (id: string, wanted: (job: Job) => boolean) =>
    waitFor(`job ${id}`, async () => {
      const job = await jobs.queue.find(id);
      return job && wanted(job) && job;
    });
  return {
    jobs,
    meter,
    add: (of) => addTo(jobs, of),
    reaches: (id, state) => find(id, (job) => job.state === state),
    ended: (id) => find(id, ({ state }) => ['done', 'failed', 'cancelled'].includes(state)),
    results,
    left: async (name) =>
      ((await ifThere(readdir(name === 'results' ? results : join(config.data, 'service', 'work')))) ?? []).sort(),
    [Symbol.asyncDispose]: async () => {
      await jobs[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function addTo(
  jobs: Jobs,
  { kind = 'generate', parameters = {} }: { kind?: Job['request']['kind']; parameters?: Record<string, unknown> } = {},
): Promise<string> {
  await using work = await jobs.folders.create();
  const added = await jobs.queue.add({ ...someJob({ id: work.id }), request: { kind, parameters, files: [] } });
  assert.equal(added.kind, 'added');
  work.keepForJob();
  return work.id;
}
