import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { availableOrSkip } from '../support/available-or-skip.ts';
import { smallFileSystem } from '../support/small-file-system.ts';
import { waitFor } from '../support/wait-for.ts';
import { serveTasks } from '../tasks/serve-tasks.ts';

describe('a disk that becomes full in the middle of a task', () => {
  it('fails it as not_kept, asked for at once or as a job, and nothing of it is left', async function () {
    await using disk = availableOrSkip(this, await smallFileSystem(2 * 1024 * 1024));
    await using api = await serveTasks('procedural-synthesizer', { data: disk.path, retryAttemptsMax: 1 });
    const send = (headers: Record<string, string>) =>
      api.fetch('/v1/generate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ prompt: 'a low bell', duration_seconds: 60 }),
      });
    const refused = await send({});
    assert.equal(refused.status, 503);
    assert.equal(((await refused.json()) as { code: string }).code, 'not_kept');
    const { id } = (await (await send({ Prefer: 'respond-async' })).json()) as { id: string };
    const failure = await waitFor('the job to fail', async () => {
      const job = (await (await api.fetch(`/v1/jobs/${id}`)).json()) as { failure?: { code: string } };
      return job.failure;
    });
    assert.equal(failure.code, 'not_kept');
    for (const folder of ['work', 'results'])
      await waitFor(
        `${folder} to be empty`,
        async () => (await readdir(join(disk.path, 'service', folder))).length === 0,
      );
  });
});
