import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceError } from '../../src/errors.ts';
import { WorkFolders } from '../../src/jobs/work-folders.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const limits = { workBytesMax: 1_000_000, jobUploadsPercent: 25, uploadBytesMax: 500_000, clientSharePercent: 0 };

describe('the uploads of jobs that wait', () => {
  it('leave room for a result, however many are sent, and after a restart too', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...limits, data: data.path }, new Meter());
    const waiting: string[] = [];
    let refused: ServiceError | undefined;
    while (refused === undefined && waiting.length < 12)
      await accept(folders, 90_000).then(
        (id) => waiting.push(id),
        (error: ServiceError) => (refused = error),
      );
    assert.equal(refused?.code, 'not_kept');
    assert.match(refused.message, /take 180000 of 250000 bytes, .*VITRINE_JOB_UPLOADS_PERCENT/);
    assert.equal(waiting.length, 2);
    // Everything else may be full: the result of each finds room when it is its turn.
    for (const id of waiting) {
      await folders.reserve(id, 750_000);
      await folders.endAttempt(id);
    }

    const next = await WorkFolders.open({ ...limits, data: data.path }, new Meter());
    await assert.rejects(accept(next, 90_000), { code: 'not_kept' });
    await next.sweep({ work: new Set(waiting.slice(1)), results: [] });
    const third = await accept(next, 90_000);
    await assert.rejects(accept(next, 90_000), { code: 'not_kept' });
    await next.remove(third);
    await accept(next, 90_000);
  });

  it('are refused before they are sent where there is no room for them, and for good where there will never be any', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...limits, data: data.path }, new Meter());
    await accept(folders, 200_000);
    await assert.rejects(folders.create('a', 60_000, { forJob: true }), { code: 'not_kept' });
    await assert.rejects(folders.create('a', 260_000, { forJob: true }), { code: 'body_too_large' });
    await assert.rejects(accept(folders, 260_000), { code: 'body_too_large' });
    // Who waits for the answer goes with it, and so does what was sent.
    await using work = await folders.create('a', 260_000);
    work.holds(260_000);
    await using small = await folders.create('a', 0, { forJob: true });
    small.claimForJob();
  });

  it('do not wait for room that will never come: a result that is larger fails at once', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...limits, data: data.path }, new Meter());
    const id = await accept(folders, 50_000);
    await assert.rejects(folders.reserve(id, 750_001), {
      code: 'invalid_input',
      message: /750001 bytes, .* 750000 .*VITRINE_WORK_BYTES_MAX/,
    });
  });
});

describe('the results of jobs', () => {
  const shared = { ...limits, clientSharePercent: 25 };

  it('have a share for each tenant, and leave it when they are removed', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...shared, data: data.path }, new Meter());
    // 750 000 bytes are for results: a tenant alone has half of them.
    const keep = async (id: string, tenant: string, bytes: number) => {
      await folders.reserve(id, bytes, tenant);
      await folders.endAttempt(id, bytes);
    };
    for (const id of ['a', 'b', 'c']) await keep(id, 'ann', 120_000);
    await assert.rejects(folders.reserve('d', 120_000, 'ann'), {
      code: 'share_used',
      message: /360000 of 750000 bytes, 360000 of them yours, .*delete jobs.*VITRINE_WORK_BYTES_MAX/,
    });
    await keep('e', 'bob', 120_000);
    await keep('f', 'cid', 60_000);
    await folders.removeResult('a');
    await keep('g', 'ann', 30_000);
  });

  it('take what they turn out to be: an attempt that ends without one takes nothing', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...shared, data: data.path }, new Meter());
    await folders.reserve('a', 300_000, 'ann');
    await folders.reserve('a', 350_000, 'ann');
    assert.equal(folders.kept.budget.taken, 350_000);
    await folders.endAttempt('a', 10_000);
    assert.equal(folders.kept.budget.taken, 10_000);
    await folders.reserve('b', 300_000, 'ann');
    await folders.endAttempt('b');
    assert.equal(folders.kept.budget.taken, 10_000);
  });

  it('count after a restart, and one alone may take all that there is', async () => {
    await using data = await temporaryFolder();
    const folders = await WorkFolders.open({ ...shared, data: data.path }, new Meter());
    await folders.sweep({ work: new Set(), results: [{ id: 'a', tenant: 'ann', bytes: 700_000 }] });
    await assert.rejects(folders.reserve('b', 60_000, 'ann'), { code: 'busy' });
    await folders.removeResult('a');
    await folders.reserve('b', 750_000, 'ann');
  });
});

/** As a request is taken as a job. */
async function accept(folders: WorkFolders, bytes: number): Promise<string> {
  await using work = await folders.create();
  work.holds(bytes);
  await writeFile(join(work.path, 'upload-0'), Buffer.alloc(bytes));
  work.claimForJob();
  work.keepForJob();
  return work.id;
}
