import assert from 'node:assert/strict';
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AccessControl } from '../../src/api/access/access-control.ts';
import { ApiKeys, newApiKey } from '../../src/api/access/api-keys.ts';
import { Clients } from '../../src/api/access/clients.ts';
import { TokenBucket } from '../../src/api/access/token-bucket.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { ServiceError } from '../../src/errors.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { identity, slow } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveApi } from './serve-api.ts';

const adminToken = 'an-admin-token-of-this-test';
const copyBody = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });

describe('the doors of the API', () => {
  it('let everyone in on loopback when there are no keys, and end a start that would bind wider', async () => {
    await using api = await serveApi({ copy: { onnx: identity('FP32') } });
    assert.equal((await api.fetch('/v2/models/copy/infer', { method: 'POST', body: copyBody })).status, 200);
    await assert.rejects(
      AccessControl.open({ ...readConfig({}), bind: '0.0.0.0' }, new Meter()),
      (error) =>
        error instanceof ServiceError &&
        error.code === 'invalid_setting' &&
        /Cannot listen on 0\.0\.0\.0: there are no API keys.*VITRINE_API_KEYS_FILE/.test(error.message),
    );
    assert.match(
      (await AccessControl.open(readConfig({}), new Meter())).note ?? '',
      /no API keys, so only this machine can reach it/,
    );
  });

  it('ask for a key once there are keys, but not for health', async () => {
    await using rig = await withKeys();
    const { api, keys } = rig;
    for (const path of ['/live', '/ready', '/health', '/health/detailed', '/v2/health/live', '/v2/health/ready'])
      assert.equal((await api.fetch(path)).status, 200, path);
    for (const path of [
      '/v2',
      '/v2/models/copy',
      '/v2/models/copy/ready',
      '/v2/models/stats',
      '/v2/logging',
      '/v2/trace/setting',
    ]) {
      const refused = await api.fetch(path);
      assert.equal(refused.status, 401, path);
      assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
      assert.equal((await api.fetch(path, { headers: { Authorization: `Bearer ${keys.all}` } })).status, 200, path);
      assert.equal((await api.fetch(path, { headers: { 'X-Api-Key': keys.all } })).status, 200, path);
    }
    assert.equal((await infer(api, {})).status, 401);
    assert.equal((await infer(api, { Authorization: `Bearer ${keys.all}x` })).status, 401);
    assert.equal((await infer(api, { Authorization: 'Basic abc' })).status, 401);
    assert.equal((await infer(api, { Authorization: `Bearer ${keys.all}` })).status, 200);
  });

  it('keep a key to its models', async () => {
    await using rig = await withKeys();
    const { api, keys } = rig;
    const headers = { Authorization: `Bearer ${keys.some}` };
    assert.equal((await infer(api, headers)).status, 200);
    const refused = await infer(api, headers, 'other');
    assert.equal(refused.status, 403);
    assert.equal(((await refused.json()) as { code: string }).code, 'forbidden');
    const listed = (await (await api.fetch('/v2/repository/index', { method: 'POST', headers })).json()) as {
      name: string;
    }[];
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['copy'],
    );
  });

  it('keep administration to its token', async () => {
    await using rig = await withKeys();
    const { api, keys } = rig;
    const change = (headers: Record<string, string>) =>
      api.fetch('/v2/logging', { method: 'POST', body: '{}', headers });
    assert.equal((await change({})).status, 401);
    assert.equal((await change({ Authorization: `Bearer ${keys.all}` })).status, 403);
    assert.equal((await change({ Authorization: 'Bearer nobody-knows-this-token' })).status, 401);
    assert.equal((await change({ Authorization: `Bearer ${adminToken}` })).status, 200);
    const load = (headers: Record<string, string>) =>
      api.fetch('/v2/repository/models/copy/load', { method: 'POST', headers });
    assert.equal((await load({ Authorization: `Bearer ${keys.all}` })).status, 403);
    assert.equal((await load({ Authorization: `Bearer ${adminToken}` })).status, 200);
  });

  it('close administration when there are keys but no token for it', async () => {
    await using rig = await withKeys({ adminTokenFile: '' });
    const refused = await rig.api.fetch('/v2/logging', {
      method: 'POST',
      body: '{}',
      headers: { Authorization: `Bearer ${rig.keys.all}` },
    });
    assert.equal(refused.status, 403);
    assert.match(((await refused.json()) as { error: string }).error, /VITRINE_ADMIN_TOKEN_FILE/);
  });

  it('count a quota for each key and tell what is left', async () => {
    await using rig = await withKeys();
    const { api, keys } = rig;
    const headers = { Authorization: `Bearer ${keys.few}` };
    for (const left of [2, 1, 0]) {
      const answer = await infer(api, headers);
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`^"infer";r=${left};t=\\d+$`));
    }
    const refused = await infer(api, headers);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('ratelimit-policy'), '"infer";q=3;w=60');
    const retryAfter = Number(refused.headers.get('retry-after'));
    assert.ok(retryAfter >= 1 && retryAfter <= 20, String(retryAfter));
    assert.equal((await infer(api, { Authorization: `Bearer ${keys.all}` })).status, 200);
  });

  it('refuse what is more than may be in flight, and go on afterwards', async () => {
    await using api = await serveApi(
      { slow: { onnx: slow() }, copy: { onnx: identity('FP32') } },
      { inFlightMax: 3, modelInFlightMax: 2 },
    );
    const body = JSON.stringify({
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
        { name: 'iterations', datatype: 'INT64', shape: [], data: [2000] },
      ],
    });
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => api.fetch('/v2/models/slow/infer', { method: 'POST', body })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 503, 503]);
    const refused = answers.find(({ status }) => status === 503)!;
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.match(
      ((await refused.json()) as { error: string }).error,
      /2 requests are in flight for this model.*VITRINE_MODEL_IN_FLIGHT_MAX/,
    );
    assert.equal((await infer(api, {})).status, 200);
    assert.equal((await api.fetch('/v2/models/slow/infer', { method: 'POST', body })).status, 200);
  });

  it('refuse bodies that together take more than may be held, and give back what was held', async () => {
    await using api = await serveApi({ copy: { onnx: identity('FP32') } }, { bodiesBytesMax: 1000 });
    const body = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 300], data: Array(300).fill(0.5) }],
    });
    const refused = await api.fetch('/v2/models/copy/infer', { method: 'POST', body });
    assert.equal(refused.status, 503);
    assert.match(((await refused.json()) as { error: string }).error, /VITRINE_BODIES_BYTES_MAX/);
    for (let again = 0; again < 30; again += 1) assert.equal((await infer(api, {})).status, 200);
  });
});

describe('API keys', () => {
  it('are read again when their file changes, and stay as they were when it cannot be used', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'keys.json');
    const [one, two] = [newApiKey('one'), newApiKey('two')];
    let changedAt = Date.now() / 1000 - 100;
    const write = async (text: string) => {
      await writeFile(file, text);
      // File systems may give two quick writes the same time.
      changedAt += 1;
      await utimes(file, changedAt, changedAt);
    };
    await write(JSON.stringify({ keys: [one.entry] }));
    using keys = await ApiKeys.open(file, { lookAgainMs: 10 });
    assert.equal(keys.find(one.key)?.name, 'one');
    assert.equal(keys.find(two.key), undefined);
    await write(JSON.stringify({ keys: [two.entry] }));
    await waitFor('the second key', () => keys.find(two.key)?.name === 'two', { everyMs: 5 });
    assert.equal(keys.find(one.key), undefined);
    await write('{"keys":[{"name":"three"}]}');
    await write('not JSON');
    await write(JSON.stringify({ keys: [two.entry, { ...one.entry, may_profile: true }] }));
    await waitFor('the first key again', () => keys.find(one.key)?.mayProfile === true, { everyMs: 5 });
    assert.equal(keys.find(two.key)?.name, 'two');
  });

  it('that were taken out are gone as soon as the file can be read, however often it could not be, and are told as stale until then', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'keys.json');
    const [one, two] = [newApiKey('one'), newApiKey('two')];
    const [both, alone] = [[one.entry, two.entry], [two.entry]].map((keys) => JSON.stringify({ keys }));
    await writeFile(file, both!);
    using keys = await ApiKeys.open(file, { lookAgainMs: 10 });
    const kept = await stat(file);

    // A folder in its place cannot be read, as a file cannot without a descriptor.
    await rename(file, `${file}.kept`);
    await mkdir(file);
    await utimes(file, kept.atime, kept.mtime);
    await waitFor('the stale keys', () => /EISDIR/.test(keys.stale?.reason ?? ''), { everyMs: 5 });
    assert.equal(keys.find(one.key)?.name, 'one');
    await rm(file, { recursive: true });
    await writeFile(file, alone!);
    await utimes(file, kept.atime, kept.mtime);
    await waitFor('the key to be gone', () => keys.find(one.key) === undefined, { everyMs: 5 });
    assert.equal(keys.stale, undefined);

    // Half-written at the first look, whole at the next, of the same age.
    await writeFile(file, both!.slice(0, 40));
    await utimes(file, kept.atime, kept.mtime);
    await waitFor('the stale keys', () => keys.stale, { everyMs: 5 });
    await writeFile(file, both!);
    await utimes(file, kept.atime, kept.mtime);
    await waitFor('the first key again', () => keys.find(one.key)?.name === 'one', { everyMs: 5 });
  });

  it('are told in health as stale, without a word of the file', async () => {
    await using folder = await temporaryFolder();
    const apiKeysFile = join(folder.path, 'keys.json');
    await writeFile(apiKeysFile, JSON.stringify({ keys: [newApiKey('one').entry] }));
    await using api = await serveApi({}, { apiKeysFile });
    type Health = { status: string; checks: { api_keys: { status: string; stale_since?: string; message?: string } } };
    const health = async (path: string) => (await (await api.fetch(path)).json()) as Health;
    assert.deepEqual((await health('/health')).checks.api_keys, { status: 'healthy' });
    await rm(apiKeysFile);
    for (const path of ['/health', '/health/detailed']) {
      const { checks } = await waitFor('the warning', async () => {
        const told = await health(path);
        return told.checks.api_keys.status === 'warning' && told;
      });
      assert.ok(Date.parse(checks.api_keys.stale_since ?? '') <= Date.now());
      assert.doesNotMatch(checks.api_keys.message ?? '', /keys\.json/);
    }
  });

  it('end the start when their file cannot be used', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'keys.json');
    const { entry } = newApiKey('one');
    for (const text of [
      '',
      '{}',
      '{"keys":[]}',
      JSON.stringify({ keys: [{ name: 'Bad Name', sha256: entry.sha256 }] }),
      JSON.stringify({ keys: [entry, entry] }),
      JSON.stringify({ keys: [{ ...entry, key: 'in plain text' }] }),
    ]) {
      await writeFile(file, text);
      await assert.rejects(
        ApiKeys.open(file),
        (error) => error instanceof ServiceError && /^Cannot use VITRINE_API_KEYS_FILE: /.test(error.message),
        text,
      );
    }
    await assert.rejects(ApiKeys.open(join(folder.path, 'absent.json')), /VITRINE_API_KEYS_FILE/);
  });
});

describe('a token bucket', () => {
  it('gives its minute at once and fills up evenly', () => {
    const bucket = new TokenBucket(10, 0);
    for (let taken = 0; taken < 10; taken += 1) assert.equal(bucket.take(0), 0);
    assert.equal(bucket.take(0), 6000);
    assert.equal(bucket.take(5999), 1);
    assert.equal(bucket.take(6000), 0);
    assert.equal(bucket.remaining, 0);
    assert.equal(bucket.take(3_600_000), 0);
    assert.equal(bucket.remaining, 9);
  });
});

describe('clients', () => {
  it('are remembered up to a limit, and the network of an IPv6 address counts as one', () => {
    const clients = new Clients({
      clientsMax: 16,
      inferPerMinuteMax: 10,
      tasksPerMinuteMax: 1,
      proxyPerMinuteMax: 10,
      readsPerMinuteMax: 10,
    });
    assert.equal(clients.byAddress('2001:db8::1'), clients.byAddress('2001:db8:0:0:ffff::2'));
    assert.notEqual(clients.byAddress('2001:db8::1'), clients.byAddress('2001:db8:0:1::1'));
    assert.equal(clients.byAddress('::ffff:10.0.0.1'), clients.byAddress('10.0.0.1'));
    const spender = clients.byAddress('10.9.9.9');
    spender.tasks.take(performance.now());
    for (let at = 0; at < 100; at += 1) clients.byAddress(`10.0.1.${at}`);
    assert.equal(clients.byAddress('10.9.9.9'), spender);
  });
});

function infer(
  api: { fetch: (path: string, init?: RequestInit) => Promise<Response> },
  headers: Record<string, string>,
  model = 'copy',
) {
  return api.fetch(`/v2/models/${model}/infer`, { method: 'POST', body: copyBody, headers });
}

async function withKeys(settings: Partial<Config> = {}) {
  const folder = await temporaryFolder();
  const [all, some, few] = [newApiKey('all'), newApiKey('some'), newApiKey('few')];
  const apiKeysFile = join(folder.path, 'keys.json');
  const adminTokenFile = join(folder.path, 'admin-token');
  await writeFile(
    apiKeysFile,
    JSON.stringify({ keys: [all.entry, { ...some.entry, models: ['co*'] }, { ...few.entry, infer_per_minute: 3 }] }),
  );
  await writeFile(adminTokenFile, `${adminToken}\n`);
  const models = { copy: { onnx: identity('FP32') }, other: { onnx: identity('FP32') } };
  const api = await serveApi(models, { apiKeysFile, adminTokenFile, ...settings });
  return {
    api,
    keys: { all: all.key, some: some.key, few: few.key },
    [Symbol.asyncDispose]: async () => {
      await api[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
