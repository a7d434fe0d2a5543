import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { toneWav } from '../../testkit/tone-wav.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { ServedApi } from '../api/serve-api.ts';
import { form, serveTasks } from '../tasks/serve-tasks.ts';

type Told = { id: string; state: string; attempt: number; error: string; code: string; failure?: { code: string } };

describe('the limit of what may be kept on disk', function () {
  this.timeout(120_000);
  it('refuses at once a result that will never fit, and nothing of it is written', async () => {
    await using api = await serveTasks('harmonic-percussive', { workBytesMax: 1_000_000 });
    const most = watchMost(api);
    const answer = await separate(api, {});
    const { code, error } = (await answer.json()) as Told;
    assert.deepEqual([answer.status, code], [400, 'invalid_input'], error);
    assert.match(error, /Cannot write the result: .*VITRINE_WORK_BYTES_MAX/);
    const { id } = (await (await separate(api, { Prefer: 'respond-async' })).json()) as Told;
    assert.equal((await ended(api, id)).failure?.code, 'invalid_input');
    // A smaller one fits.
    const smaller = await separate(api, {}, { encoding: 'pcm16', stem: 'harmonic' });
    assert.equal(smaller.status, 200);
    await smaller.arrayBuffer();
    assert.ok((await most()) <= 1_000_000);
  });

  it('lets a job wait until there is room for its result, and holds for what runs', async () => {
    await using api = await serveTasks('harmonic-percussive', { workBytesMax: 2_000_000 });
    const most = watchMost(api);
    const send = async () => ((await (await separate(api, { Prefer: 'respond-async' })).json()) as Told).id;
    const first = await send();
    assert.equal((await ended(api, first)).state, 'done');
    const second = await send();
    const waiting = await waitFor('it to have been tried', async () => {
      const job = await show(api, second);
      return job.attempt >= 2 && job;
    });
    assert.equal(waiting.failure, undefined);
    assert.equal((await api.fetch(`/v1/jobs/${first}`, { method: 'DELETE' })).status, 204);
    assert.equal((await ended(api, second)).state, 'done');
    assert.equal((await api.fetch(`/v1/jobs/${second}/result`)).status, 200);
    assert.ok((await most()) <= 2_000_000);
  });

  it('has room for two at once only when both fit', async () => {
    await using api = await serveTasks('harmonic-percussive', { workBytesMax: 2_000_000, tasksRunningMax: 2 });
    const most = watchMost(api);
    const answers = await Promise.all([1, 2, 3].map(() => separate(api, {})));
    const statuses = answers.map(({ status }) => status).sort();
    for (const answer of answers) await answer.arrayBuffer();
    assert.equal(statuses[0], 200);
    assert.ok(
      statuses.every((status) => status === 200 || status === 503),
      statuses.join(),
    );
    assert.ok((await most()) <= 2_000_000);
  });
});

function separate(
  api: ServedApi,
  headers: Record<string, string>,
  parameters: Record<string, string> = {},
): Promise<Response> {
  // 128 KB; its two stems in float32 take 512 KB, and the zip as much again.
  const bytes = toneWav({ seconds: 8, sampleRateHz: 8_000 });
  const body = form([{ name: 'tone.wav', bytes }], {
    encoding: 'float32',
    ...parameters,
  });
  return api.fetch('/v1/separate', { method: 'POST', headers, body });
}

async function show(api: ServedApi, id: string): Promise<Told> {
  return (await api.fetch(`/v1/jobs/${id}`)).json() as Promise<Told>;
}

function ended(api: ServedApi, id: string): Promise<Told> {
  return waitFor(`job ${id} to end`, async () => {
    const told = await show(api, id);
    return ['done', 'failed', 'cancelled'].includes(told.state) && told;
  });
}

/** Looks all the time; the answer is the most that lay there at one look. */
function watchMost(api: ServedApi): () => Promise<number> {
  let most = 0;
  let going = true;
  const looking = (async () => {
    for (; going; await pause(5)) most = Math.max(most, await bytesIn(join(api.data, 'service')));
  })();
  return async () => {
    going = false;
    await looking;
    assert.ok(most > 0);
    return most;
  };
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  // Files go while they are being counted.
  for (const name of ['work', 'results'])
    for (const entry of await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => []))
      if (entry.isFile())
        bytes += await stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        );
  return bytes;
}
