import assert from 'node:assert/strict';
import { once } from 'node:events';
import files, { writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { newApiKey } from '../../src/api/access/api-keys.ts';
import type { Config } from '../../src/config.ts';
import { ServiceError } from '../../src/errors.ts';
import type { Perform } from '../../src/jobs/run-attempt.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { toneWav } from '../../testkit/tone-wav.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

type Told = {
  id: string;
  state: string;
  attempt: number;
  code: string;
  error: string;
  ahead?: number;
  estimate?: { seconds_left: number };
  progress?: { done: number; ratio: number };
  failure?: { code: string };
  result?: { facts: unknown; files: { name: string; href: string; size_bytes: number }[] };
  links: Record<string, string>;
  jobs: Told[];
  next?: string;
};

describe('the routes of jobs', () => {
  it('answer 202 with where to look, then progress and estimate, then the result and its files', async () => {
    const gate = Promise.withResolvers<void>();
    await using api = await serveJobs(async (job, tools) => {
      tools.progress(1, 4, 'samples');
      await gate.promise;
      return writesTwoFiles(job, tools);
    });
    const accepted = await send(api, { Prefer: 'wait=5, respond-async' });
    assert.equal(accepted.status, 202);
    assert.equal(accepted.headers.get('preference-applied'), 'respond-async');
    const location = accepted.headers.get('location') ?? '';
    const { id } = (await accepted.json()) as Told;
    assert.equal(location, `/v1/jobs/${id}`);

    const running = await waitFor('progress', async () => {
      const told = await show(api, id);
      return told.progress && told;
    });
    assert.equal(running.progress?.ratio, 0.25);
    assert.ok(running.estimate !== undefined);
    const early = await api.fetch(`${location}/result`);
    assert.equal(early.status, 409);
    assert.equal(((await early.json()) as Told).code, 'job_not_ended');
    gate.resolve();

    const done = await ended(api, id);
    assert.deepEqual(done.result?.facts, { level: 0.5 });
    assert.deepEqual(
      done.result?.files.map(({ name, size_bytes }) => [name, size_bytes]),
      [
        ['sound.wav', 5],
        ['notes.txt', 3],
      ],
    );
    const result = await api.fetch(done.links.result ?? '');
    assert.equal(result.headers.get('content-type'), 'audio/wav');
    assert.equal(await result.text(), 'whole');
    assert.equal(await (await api.fetch(done.result?.files[1]?.href ?? '')).text(), 'two');
    for (const name of ['..%2f..%2fjobs.sqlite', 'other.wav'])
      assert.equal((await api.fetch(`${location}/files/${name}`)).status, 404);
  });

  it('answer 202 only when the upload and the names of all its folders are on the disk', async () => {
    await using api = await serveJobs(never);
    const form = new FormData();
    form.append(
      'file',
      new Blob([toneWav({ seconds: 0.1, sampleRateHz: 16_000 }) as Uint8Array<ArrayBuffer>]),
      'a.wav',
    );
    using synced = watchSyncs();
    const accepted = await api.fetch('/v1/speech', {
      method: 'POST',
      headers: { Prefer: 'respond-async' },
      body: form,
    });
    assert.equal(accepted.status, 202, await accepted.clone().text());
    const { id } = (await accepted.json()) as Told;
    const work = join(api.data, 'service', 'work');
    for (const path of [join(work, id, 'upload-0'), join(work, id), work]) assert.ok(synced.paths.has(path), path);
  });

  it('list every job, page by page, when several are of one millisecond', async () => {
    await using api = await serveJobs(never, { jobsOfTenantMax: 100 });
    const now = Date.now;
    const ids = new Set<string>();
    try {
      const stopped = now();
      Date.now = () => stopped;
      for (let n = 0; n < 5; n += 1) ids.add(await sendFor(api));
    } finally {
      Date.now = now;
    }
    const seen: string[] = [];
    for (let path: string | undefined = '/v1/jobs?limit=2'; path !== undefined; ) {
      const { jobs, next } = (await (await api.fetch(path)).json()) as Told;
      seen.push(...jobs.map(({ id }) => id));
      path = next;
    }
    assert.deepEqual([seen.length, new Set(seen)], [5, ids]);
  });

  it('say what became of a job that failed or was cancelled', async () => {
    await using api = await serveJobs(async (job, { signal }) => {
      if (job.request.parameters.prompt === 'bad bell')
        throw new ServiceError('invalid_audio', 'Cannot read it: cut off.');
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new ServiceError('caller_gone', 'Gone.'))),
      );
    });
    const bad = await sendFor(api, { prompt: 'bad bell' });
    assert.equal((await ended(api, bad)).failure?.code, 'invalid_audio');
    const answer = await api.fetch(`/v1/jobs/${bad}/result`);
    // A client that asks for the result carries no damaged sound: 422 would be said of this request.
    assert.equal(answer.status, 409);
    const told = (await answer.json()) as Told;
    assert.equal(told.code, 'job_failed');
    assert.equal(told.error, 'Cannot answer: the job failed with invalid_audio. Cannot read it: cut off.');

    const slow = await sendFor(api);
    await waitFor('it to run', async () => (await show(api, slow)).state === 'running');
    assert.equal((await api.fetch(`/v1/jobs/${slow}/cancel`, { method: 'POST' })).status, 202);
    assert.equal((await ended(api, slow)).state, 'cancelled');
    assert.equal((await api.fetch(`/v1/jobs/${slow}/result`)).status, 409);
    assert.equal((await api.fetch(`/v1/jobs/${slow}/cancel`, { method: 'POST' })).status, 200);
    assert.equal((await api.fetch(`/v1/jobs/${slow}`, { method: 'DELETE' })).status, 204);
    assert.equal((await api.fetch(`/v1/jobs/${slow}`)).status, 404);
    assert.equal((await api.fetch(`/v1/jobs/${slow}`, { method: 'PUT' })).headers.get('allow'), 'GET, HEAD, DELETE');
  });

  it('forget a job that runs as soon as it has stopped', async () => {
    const stopped = Promise.withResolvers<void>();
    await using api = await serveJobs(async (_job, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await stopped.promise;
      throw new ServiceError('caller_gone', 'Gone.');
    });
    const id = await sendFor(api);
    await waitFor('it to run', async () => (await show(api, id)).state === 'running');
    const deleted = await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' });
    assert.equal(deleted.status, 202);
    const told = (await deleted.json()) as Told;
    assert.deepEqual([told.id, told.state], [id, 'running']);
    assert.equal((await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 202);
    stopped.resolve();
    await waitFor('it to go', async () => (await api.fetch(`/v1/jobs/${id}`)).status === 404);
    assert.equal((await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE' })).status, 404);
  });

  it('let only the owner and the administrator see a job', async () => {
    const [ann, bob] = [newApiKey('ann'), newApiKey('bob')];
    await using keys = await temporaryFolder();
    const [apiKeysFile, adminTokenFile] = [join(keys.path, 'keys.json'), join(keys.path, 'admin')];
    await writeFile(apiKeysFile, JSON.stringify({ keys: [ann.entry, bob.entry] }));
    await writeFile(adminTokenFile, 'administrators-token\n');
    await using api = await serveJobs(writesTwoFiles, { apiKeysFile, adminTokenFile });
    const by = (token: string) => ({ Authorization: `Bearer ${token}` });
    const { id } = (await (await send(api, { Prefer: 'respond-async', ...by(ann.key) })).json()) as Told;
    for (const path of ['', '/result', '/events', '/files/sound.wav']) {
      const refused = await api.fetch(`/v1/jobs/${id}${path}`, { headers: by(bob.key) });
      assert.equal(refused.status, 404);
      assert.equal(((await refused.json()) as Told).code, 'job_not_found');
    }
    assert.equal((await api.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST', headers: by(bob.key) })).status, 404);
    assert.equal((await api.fetch(`/v1/jobs/${id}`, { method: 'DELETE', headers: by(bob.key) })).status, 404);
    assert.equal((await api.fetch(`/v1/jobs/${id}`)).status, 401);
    const listed = async (token: string) =>
      ((await (await api.fetch('/v1/jobs', { headers: by(token) })).json()) as Told).jobs.map((job) => job.id);
    assert.deepEqual(await listed(bob.key), []);
    assert.deepEqual(await listed(ann.key), [id]);
    assert.deepEqual(await listed('administrators-token'), [id]);
    assert.equal((await api.fetch(`/v1/jobs/${id}`, { headers: by('administrators-token') })).status, 200);
  });

  it('give the same job for the same Idempotency-Key, and refuse the key for another request', async () => {
    await using api = await serveJobs(writesTwoFiles);
    const headers = { Prefer: 'respond-async', 'Idempotency-Key': 'once' };
    const first = (await (await send(api, headers, { prompt: 'a bell', seed: 1 })).json()) as Told;
    const again = (await (await send(api, headers, { seed: 1, prompt: 'a bell' })).json()) as Told;
    assert.equal(again.id, first.id);
    const other = await send(api, headers, { prompt: 'bells', seed: 1 });
    assert.equal(other.status, 409);
    assert.equal(((await other.json()) as Told).code, 'idempotency_key_reused');
    assert.equal((await send(api, { ...headers, 'Idempotency-Key': 'with space' })).status, 400);
    await waitFor('nothing to be left of those that were not taken', async () => (await workLeft(api)) === 0);
  });

  it('refuse more jobs of a caller than may wait, and more on disk than may be kept', async () => {
    const gate = Promise.withResolvers<void>();
    const waits: Perform = async (job, tools) => {
      await gate.promise;
      return writesTwoFiles(job, tools);
    };
    await using api = await serveJobs(waits, { jobsOfTenantMax: 1 });
    await sendFor(api);
    const refused = await send(api, { Prefer: 'respond-async' });
    assert.equal(refused.status, 503);
    const told = (await refused.json()) as Told;
    assert.equal(told.code, 'queue_full');
    assert.match(told.error, /VITRINE_JOBS_OF_TENANT_MAX/);
    gate.resolve();

    await using full = await serveJobs(writesTwoFiles, { workBytesMax: 1024 });
    await writeFile(join(full.jobs.folders.resultPathOf('x')), Buffer.alloc(2048));
    const answer = await send(full, { Prefer: 'respond-async' });
    assert.equal(answer.status, 503);
    assert.match(((await answer.json()) as Told).error, /VITRINE_WORK_BYTES_MAX/);
  });
});

describe('the events of a job', () => {
  it('tell its progress and its end, and go on after the last one that was heard', async () => {
    const steps = [1, 2, 3].map(() => Promise.withResolvers<void>());
    await using api = await serveJobs(async (job, tools) => {
      for (const [at, step] of steps.entries()) {
        await step.promise;
        // The first and the last of a kind are never held back.
        tools.progress(at + 1, at + 1, 'samples');
      }
      return writesTwoFiles(job, tools);
    });
    const id = await sendFor(api);
    const first = await follow(api, id);
    await first.until(/event: state/);
    steps[0]?.resolve();
    const heard = await first.until(/event: progress\n.*"done":1.*"estimate":\{"seconds_left":\d/);
    const lastId = [...heard.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
    assert.match(lastId, /^1-\d+$/);
    first.leave();
    steps[1]?.resolve();
    await waitFor('the second step', async () => (await show(api, id)).progress?.done === 2);
    const second = await follow(api, id, lastId);
    const missed = await second.until(/"done":2/);
    assert.doesNotMatch(missed, /"done":1,/);
    steps[2]?.resolve();
    const rest = await second.end();
    assert.match(rest, /id: 1-end\nevent: state\ndata: .*"state":"done"/);
    assert.equal((await api.fetch(`/v1/jobs/${id}/events`, { headers: { 'Last-Event-ID': '1-end' } })).status, 204);
    assert.match(await (await api.fetch(`/v1/jobs/${id}/events`)).text(), /"state":"done"/);
  });

  it('have heartbeats, and end when the service stops', async () => {
    await using api = await serveJobs(never, { eventHeartbeatMs: 100 });
    const follower = await follow(api, await sendFor(api));
    await follower.until(/: alive/);
    api.lifecycle.beginStop();
    await follower.end();
  });

  it('are not begun for HEAD', async () => {
    await using api = await serveJobs(never);
    const id = await sendFor(api);
    assert.equal((await api.fetch(`/v1/jobs/${id}/events`, { method: 'HEAD' })).status, 200);
  });

  it('keep no place for followers who left before the beginning', async () => {
    await using api = await serveJobs(never, { eventListenersMax: 4 });
    const id = await sendFor(api);
    for (let round = 0; round < 30; round += 1)
      await Promise.all(Array.from({ length: 10 }, () => leaveAtOnce(api, id)));
    // One client may have half of the places.
    const followers = await waitFor('the places', async () => {
      const answers = await Promise.all([1, 2].map(() => api.fetch(`/v1/jobs/${id}/events`)));
      if (answers.every(({ status }) => status === 200)) return answers;
      await Promise.all(answers.map(({ body }) => body?.cancel()));
      return undefined;
    });
    await Promise.all(followers.map(({ body }) => body?.cancel()));
  });

  it('are for so many followers, and drop one that does not read', async () => {
    const told = Promise.withResolvers<void>();
    await using api = await serveJobs(
      async (_job, { progress, signal }) => {
        // As much as it takes until the follower's socket is full.
        for (let done = 1; !signal.aborted; done += 1) {
          for (let at = 0; at < 50; at += 1) progress(done, done, 'x'.repeat(20_000));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        told.resolve();
        throw new ServiceError('caller_gone', 'Gone.');
      },
      { eventListenersMax: 1 },
    );
    const id = await sendFor(api);
    const socket = connect(api.port, '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(`GET /v1/jobs/${id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await waitFor('the place to be taken', async () => {
      const answer = await api.fetch(`/v1/jobs/${id}/events`, { signal: AbortSignal.timeout(2_000) });
      await answer.body?.cancel();
      return answer.status === 503;
    });
    await waitFor('it to be dropped', async () => {
      const answer = await api.fetch(`/v1/jobs/${id}/events`);
      await answer.body?.cancel();
      return answer.status === 200;
    });
    socket.resume();
    await closed;
    await api.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    await told.promise;
  });
});

const writesTwoFiles: Perform = async (_job, { folder }) => {
  await writeFile(join(folder, 'one'), 'whole');
  await writeFile(join(folder, 'two'), 'two');
  return {
    contentType: 'audio/wav',
    file: join(folder, 'one'),
    fileName: 'sound.wav',
    parts: [{ name: 'notes.txt', contentType: 'text/plain', file: join(folder, 'two') }],
    facts: { level: 0.5 },
  };
};

/** Which files and folders were given to fsync. */
function watchSyncs(): Disposable & { readonly paths: ReadonlySet<string> } {
  const paths = new Set<string>();
  const { open } = files;
  const put = (act: typeof open) => {
    files.open = act;
    syncBuiltinESMExports();
  };
  put(async (path, ...rest) => {
    const handle = await open(path, ...rest);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      await sync();
      paths.add(String(path));
    };
    return handle;
  });
  return { paths, [Symbol.dispose]: () => put(open) };
}

const never: Perform = (_job, { signal }) =>
  new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new ServiceError('caller_gone', 'Gone.'))),
  );

function serveJobs(perform: Perform, settings: Partial<Config> = {}): Promise<ServedApi> {
  return serveApi({}, { tasksPerMinuteMax: 100_000, ...settings }, { perform });
}

function send(
  api: ServedApi,
  headers: Record<string, string>,
  parameters: Record<string, unknown> = { prompt: 'a bell' },
): Promise<Response> {
  return api.fetch('/v1/generate', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(parameters),
  });
}

async function sendFor(api: ServedApi, parameters?: Record<string, unknown>): Promise<string> {
  const answer = await send(api, { Prefer: 'respond-async' }, parameters);
  assert.equal(answer.status, 202);
  return ((await answer.json()) as Told).id;
}

async function show(api: ServedApi, id: string): Promise<Told> {
  return (await api.fetch(`/v1/jobs/${id}`)).json() as Promise<Told>;
}

function ended(api: ServedApi, id: string): Promise<Told> {
  return waitFor(
    `job ${id} to end`,
    async () => {
      const told = await show(api, id);
      return ['done', 'failed', 'cancelled'].includes(told.state) && told;
    },
    { everyMs: 20 },
  );
}

/** Asks for the events of a job and breaks off as soon as the question is on its way. */
async function leaveAtOnce(api: ServedApi, id: string): Promise<void> {
  const socket = connect(api.port, '127.0.0.1');
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`GET /v1/jobs/${id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, () => socket.resetAndDestroy());
  await closed;
}

async function workLeft(api: ServedApi): Promise<number> {
  return (await api.jobs.folders.use()).work.files;
}

async function follow(api: ServedApi, id: string, lastId?: string) {
  const leave = new AbortController();
  const answer = await api.fetch(`/v1/jobs/${id}/events`, {
    signal: leave.signal,
    headers: lastId === undefined ? {} : { 'Last-Event-ID': lastId },
  });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = answer.body!.getReader();
  let heard = '';
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (value) heard += Buffer.from(value).toString();
    return !done;
  };
  return {
    until: async (wanted: RegExp): Promise<string> => {
      while (!wanted.test(heard)) assert.ok(await read(), heard);
      return heard;
    },
    end: async (): Promise<string> => {
      while (await read());
      return heard;
    },
    leave: () => leave.abort(),
  };
}
