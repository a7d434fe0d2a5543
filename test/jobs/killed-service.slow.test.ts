import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a service with jobs that is killed', () => {
  it('does every job that it has accepted, once, whenever it is killed', async function () {
    this.timeout(120_000);
    await using data = await temporaryFolder();
    const folder = (name: string) => join(data.path, 'service', name);
    const accepted = new Map<string, string>();

    // As soon as the last is accepted.
    {
      await using service = await start(data.path);
      for (let seed = 0; seed < 4; seed += 1) accepted.set(`key-${seed}`, await send(service, seed));
      await service.kill('SIGKILL');
    }
    // In the middle of the work.
    {
      await using service = await start(data.path);
      await waitFor('one to be worked on', async () => (await list(service)).some(({ progress }) => progress), {
        everyMs: 5,
      });
      await service.kill('SIGKILL');
    }
    // While a result is put in its place.
    {
      await using service = await start(data.path);
      const before = existsSync(folder('results')) ? readdirSync(folder('results')).length : 0;
      const endsAt = performance.now() + 30_000;
      while (readdirSync(folder('results')).length === before && performance.now() < endsAt) await turn();
      await service.kill('SIGKILL');
    }
    // While an upload arrives.
    {
      await using service = await start(data.path);
      const upload = httpRequest(`${service.url}/v1/separate`, {
        method: 'POST',
        headers: {
          'Content-Type': 'multipart/form-data; boundary=b',
          'Content-Length': 1_000_000,
          Prefer: 'respond-async',
        },
      });
      upload.on('error', () => undefined);
      upload.write('--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF');
      upload.write(Buffer.alloc(200_000));
      await waitFor('the upload to be on disk', () =>
        readdirSync(folder('work'), { recursive: true }).some((name) => String(name).endsWith('upload-0')),
      );
      await service.kill('SIGKILL');
      upload.destroy();
    }

    await using service = await start(data.path);
    // A client without an answer sends it again, and gets the job that there is.
    for (const [key, id] of accepted) assert.equal(await send(service, Number(key.slice(4))), id);
    const jobs = await waitFor(
      'all jobs to be done',
      async () => {
        const found = await list(service);
        return found.every(({ state }) => state === 'done') && found;
      },
      { deadlineMs: 60_000 },
    );
    assert.deepEqual(new Set(jobs.map(({ id }) => id)), new Set(accepted.values()));
    assert.ok(jobs.some(({ attempt }) => attempt > 1));
    await waitFor('the work folders to go', () => readdirSync(folder('work')).length === 0);
    assert.deepEqual(new Set(readdirSync(folder('results'))), new Set(accepted.values()));
    for (const [key, id] of accepted) {
      const result = Buffer.from(await (await fetch(`${service.url}/v1/jobs/${id}/result`)).arrayBuffer());
      const direct = await post(service, Number(key.slice(4)), {});
      assert.deepEqual(result, Buffer.from(await direct.arrayBuffer()));
    }
  });

  it('gives its jobs back when it is stopped in order, and ends those who follow them', async function () {
    this.timeout(60_000);
    await using data = await temporaryFolder();
    let id: string;
    {
      await using service = await start(data.path);
      id = await send(service, 1);
      const events = await fetch(`${service.url}/v1/jobs/${id}/events`);
      await waitFor('it to run', async () => (await list(service))[0]?.progress, { everyMs: 10 });
      assert.equal(await service.kill('SIGTERM'), 0);
      assert.match(await events.text(), /event: (state|progress)/);
    }
    await using service = await start(data.path);
    const [job] = await waitFor('it to be done', async () => {
      const found = await list(service);
      return found[0]?.state === 'done' && found;
    });
    assert.equal(job?.id, id);
    assert.equal(job?.attempt, 2);
  });
});

type ListedJob = { id: string; state: string; attempt: number; progress?: unknown };

function start(data: string): Promise<ServiceProcess> {
  return startService({
    VITRINE_DATA: data,
    VITRINE_MODELS: ourModels,
    VITRINE_MODEL_CONTROL: 'explicit',
    VITRINE_LOAD_MODELS: 'gaussian-field',
    VITRINE_TASKS_PER_MINUTE_MAX: '1000',
    OTEL_SDK_DISABLED: 'true',
  });
}

/** About half a second of work. */
function post(service: ServiceProcess, seed: number, headers: Record<string, string>): Promise<Response> {
  return fetch(`${service.url}/v1/microstructure`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ size: 256, samples: 1, steps: 50, seed, format: 'npy' }),
  });
}

async function send(service: ServiceProcess, seed: number): Promise<string> {
  const answer = await post(service, seed, { Prefer: 'respond-async', 'Idempotency-Key': `key-${seed}` });
  const text = await answer.text();
  assert.equal(answer.status, 202, text);
  return (JSON.parse(text) as { id: string }).id;
}

async function list(service: ServiceProcess): Promise<ListedJob[]> {
  return ((await (await fetch(`${service.url}/v1/jobs`)).json()) as { jobs: ListedJob[] }).jobs;
}
