import assert from 'node:assert/strict';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { readConfig } from '../../../src/config.ts';
import { hasEnded } from '../../../src/jobs/job.ts';
import { type Jobs, openJobs } from '../../../src/jobs/open-jobs.ts';
import type { Perform } from '../../../src/jobs/run-attempt.ts';
import { syncToDisk } from '../../../src/sync-to-disk.ts';
import { Meter } from '../../../src/telemetry/meter.ts';
import { someJob } from '../../jobs/some-job.ts';
import type { Scenario } from '../scenario.ts';

/** Jobs are accepted and done in one process, and found with their results by the next. */
export const jobsScenario: Scenario = {
  name: 'jobs',
  async run(ground) {
    const { folder, alias, start, until, said } = ground;
    const config = { ...readConfig({}), data: folder, retryWaitMsFirst: 10 };
    const accepted: string[] = [];
    const ends = new Map<string, number>();
    const begin = async () =>
      start(async () => {
        const jobs = await openJobs(config, new Meter(), perform);
        try {
          await jobs.worker.start();
          return jobs;
        } catch (error) {
          await jobs[Symbol.asyncDispose]();
          throw error;
        }
      });
    const first = await begin();
    for (let number = 0; number < 2; number += 1) {
      await until(`job ${number} to be accepted`, async () => {
        try {
          accepted.push(await accept(first, number, ends));
          return true;
        } catch (error) {
          said.push(
            `${(error as Error).message} (${((error as Error).cause as Error)?.stack ?? (error as Error).cause})`,
          );
          return false;
        }
      });
    }
    const done = (jobs: Jobs, id: string) => async () => {
      const job = await jobs.queue.find(id).catch((error: Error) => void said.push(error.message));
      if (!job || !hasEnded(job)) return false;
      assert.equal(job.state, 'done', JSON.stringify(job.failure));
      return true;
    };
    for (const id of accepted) await until(`job ${id} to be done`, done(first, id));
    await first[Symbol.asyncDispose]();

    const second = await begin();
    for (const id of accepted) {
      await until(`job ${id} to be found`, done(second, id));
      // By the alias: what the test reads itself does not fail.
      const kept = join(alias, relative(folder, second.folders.keptPathOf((await second.queue.find(id))!)));
      assert.deepEqual(await readdir(kept), ['answer.txt']);
      assert.equal(await readFile(join(kept, 'answer.txt'), 'utf8'), `done: ${id}`);
      assert.ok((ends.get(id) ?? 0) <= 1, 'a job ends once');
    }
    await until('the work folders to go', async () => {
      await second.folders.tryAgain();
      return (await readdir(join(alias, 'service', 'work'))).filter((id) => accepted.includes(id)).length === 0;
    });
    await second[Symbol.asyncDispose]();
    for (const name of ['jobs.sqlite']) assert.ok(existsSync(join(alias, 'service', name)), name);
    const aside = (await readdir(join(alias, 'service'))).filter((name) => name.includes('damaged'));
    assert.deepEqual(aside, [], 'a disk that fails for a moment is no damaged database');
  },
};

/** As a request is taken: its upload and their folders are on the disk before the job is. */
async function accept(jobs: Jobs, number: number, ends: Map<string, number>): Promise<string> {
  await using work = await jobs.folders.create('anonymous', 100);
  const upload = join(work.path, 'upload');
  await writeFile(upload, `upload ${number}`);
  await syncToDisk(upload);
  await syncToDisk(work.path);
  const unfollow = jobs.queue.events.follow(work.id, ({ job }) => {
    if (hasEnded(job)) ends.set(job.id, (ends.get(job.id) ?? 0) + 1);
  });
  try {
    const added = await jobs.queue.add({
      ...someJob({ id: work.id }),
      request: { kind: 'generate', parameters: { number }, files: [] },
    });
    assert.equal(added.kind, 'added');
  } catch (error) {
    unfollow();
    throw error;
  }
  work.keepForJob();
  return work.id;
}

const perform: Perform = async (job, { work, folder }) => {
  // As the tasks read: piece by piece up to the end, where `readFile` takes a short read for the end.
  assert.match(await text(createReadStream(join(work, 'upload'))), /^upload \d$/);
  await writeFile(join(folder, 'made'), `done: ${job.id}`);
  return { file: 'made', fileName: 'answer.txt', contentType: 'text/plain', facts: {} };
};
