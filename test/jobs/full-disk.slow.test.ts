import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveApi } from '../api/serve-api.ts';
import { serveTasks } from '../tasks/serve-tasks.ts';

describe('a disk that becomes full in the middle of a task', () => {
  it('refuses it as not_kept and leaves nothing of it; a job waits until there is room, and is done', async function () {
    await using disk = availableOrSkip(this, await smallFileSystem(4 * 1024 * 1024));
    await using api = await serveTasks('procedural-synthesizer', { data: disk.path, retryAttemptsMax: 1 });
    const filler = join(disk.path, 'filler');
    await writeFile(filler, Buffer.alloc(3 * 1024 * 1024));
    const send = (headers: Record<string, string>) =>
      api.fetch('/v1/generate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ prompt: 'a low bell', duration_seconds: 20 }),
      });
    const refused = await send({});
    assert.equal(refused.status, 503);
    assert.equal(((await refused.json()) as { code: string }).code, 'not_kept');
    const { id } = (await (await send({ Prefer: 'respond-async' })).json()) as { id: string };
    const job = async () =>
      (await (await api.fetch(`/v1/jobs/${id}`)).json()) as { state: string; attempt: number; failure?: unknown };
    await waitFor('several attempts', async () => (await job()).attempt >= 3);
    assert.equal((await job()).failure, undefined);
    await rm(filler);
    await waitFor('the job to be done', async () => (await job()).state === 'done');
    assert.equal((await api.fetch(`/v1/jobs/${id}/result`)).status, 200);
    await waitFor('work to be empty', async () => (await readdir(join(disk.path, 'service', 'work'))).length === 0);
  });
});

describe('the routes of jobs', () => {
  it('refuse jobs clearly when the disk is full, and take them again when it is not', async function () {
    await using disk = availableOrSkip(this, await smallFileSystem(1024 * 1024));
    await using api = await serveApi(
      {},
      { data: disk.path, tasksPerMinuteMax: 100_000 },
      {
        perform: async (_job, { folder }) => {
          const file = join(folder, 'one');
          await writeFile(file, 'whole');
          return { contentType: 'audio/wav', file, fileName: 'sound.wav', facts: {} };
        },
      },
    );
    const send = () =>
      api.fetch('/v1/generate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
        body: JSON.stringify({ prompt: 'a bell' }),
      });
    const ballast = join(disk.path, 'ballast');
    await writeFile(ballast, Buffer.alloc(8 * 1024 * 1024)).catch((error: NodeJS.ErrnoException) =>
      assert.equal(error.code, 'ENOSPC'),
    );
    // The database may have some room left in its file; not for long.
    const refused = await waitFor(
      'a refusal',
      async () => {
        const answer = await send();
        return answer.status !== 202 && answer;
      },
      { everyMs: 1 },
    );
    assert.equal(refused.status, 503);
    const told = (await refused.json()) as { code: string; error: string };
    assert.equal(told.code, 'not_kept');
    assert.match(told.error, /VITRINE_DATA/);
    await writeFile(ballast, '');
    const accepted = await waitFor('a job to be taken again', async () => {
      const answer = await send();
      return answer.status === 202 && ((await answer.json()) as { id: string });
    });
    const state = async () => ((await (await api.fetch(`/v1/jobs/${accepted.id}`)).json()) as { state: string }).state;
    await waitFor('the job to be done', async () => (await state()) === 'done');
  });
});
