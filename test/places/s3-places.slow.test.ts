import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { ModelRepository } from '../../src/engine/places/model-repository.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { S3Bucket } from '../../src/s3/s3-bucket.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { identity, perceptron } from '../../testkit/models/models.ts';
import { sha256Of } from '../../testkit/places/archives.ts';
import { type S3Server, startS3 } from '../../testkit/s3/s3-server.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const graph = Buffer.from(perceptron());

describe('models from S3', () => {
  let s3: S3Server;
  before(async function () {
    this.timeout(300_000);
    s3 = availableOrSkip(this, await startS3());
    Object.assign(process.env, s3.credentials);
  });
  after(async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    await s3?.[Symbol.asyncDispose]();
  });

  it('are served, followed by their ETags, and stay while the bucket is away and after a restart', async () => {
    await using at = await somePrefix(s3);
    await at.put('a/1/model.onnx', graph);
    await at.put('notes.txt', Buffer.from('no model'));
    const settings = { VITRINE_MODEL_CONTROL: 'watch', VITRINE_MODELS_LOOK_MS: '100', VITRINE_MODELS_WATCH_MS: '50' };
    {
      await using registry = new Registry(at.config(settings));
      await registry.start();
      assert.deepEqual(registry.versions('a'), ['1']);
      const first = registry.find('a').file;
      await at.put('a/1/model.onnx', Buffer.from(identity('FP32')));
      await at.put('b/3/model.onnx', graph);
      await waitFor('both changes', () => registry.versions('b')[0] === '3' && registry.find('a').file !== first);
      // What was replaced is removed once nobody uses it.
      await waitFor('what is left', async () => (await at.served()).length === 2);
      await s3.stop();
      await waitFor('the outage', () => registry.repository.standings[0]?.state === 'unreachable');
      assert.deepEqual([registry.versions('a'), registry.versions('b')], [['1'], ['3']]);
      await registry.load('a');
      await assert.rejects(registry.load('c'), { code: 'models_unreachable', message: /VITRINE_MODELS/ });
    }
    {
      await using registry = new Registry(at.config({ VITRINE_FILES_MS_MAX: '1000' }));
      await registry.start();
      assert.deepEqual([registry.versions('a'), registry.versions('b')], [['1'], ['3']]);
      assert.match(registry.repository.standings[0]?.problem ?? '', /cannot be reached/);
    }
    await s3.start();
    await using registry = new Registry(at.config(settings));
    await registry.start();
    assert.equal(registry.repository.standings[0]?.state, 'ready');
    assert.equal(registry.repository.downloadedBytes.s3, 0, 'everything was here');
    await at.remove('b/3/model.onnx');
    await waitFor('the removal', () => registry.versions('b').length === 0);
  });

  it('are listed with how far they are while they are on their way', async () => {
    await using at = await somePrefix(s3);
    await at.put('a/1/model.onnx', graph);
    const arrived = Promise.withResolvers<void>();
    await using between = await proxy(s3.endpoint, async (request) => {
      if (request.url?.includes('model.onnx')) await arrived.promise;
    });
    await using registry = new Registry(at.config({ VITRINE_S3_ENDPOINT: between.endpoint }));
    const started = registry.start();
    await waitFor('the download', async () => (await registry.index()).length > 0);
    const [coming] = registry.models();
    assert.deepEqual([coming?.name, coming?.state], ['a', 'loading']);
    assert.match(coming?.reason ?? '', /^downloaded from s3:\/\/.*: 0 % of \d+\.\d MB$|: 0 % of \d+ kB$/);
    assert.throws(() => registry.find('a'), { code: 'model_not_found' });
    arrived.resolve();
    await started;
    assert.deepEqual(
      registry.models().map(({ name, state }) => [name, state]),
      [['a', 'ready']],
    );
  });

  it('may be pipelines, which have no graph', async () => {
    await using at = await somePrefix(s3);
    await at.put('a/1/model.onnx', graph);
    const steps = [{ model: 'a', inputs: { x: 'x' }, outputs: { y: 'y' } }];
    await at.put('whole/model.json', Buffer.from(JSON.stringify({ steps })));
    await at.put('other/1/model.plan', Buffer.alloc(1_000));
    await using repository = at.repository();
    await repository.open();
    assert.deepEqual(
      (await repository.scan()).map(({ name, isPipeline }) => [name, isPipeline]),
      [
        ['a', false],
        ['whole', true],
      ],
    );
  });

  it('are looked at again by a load that is asked for', async () => {
    await using at = await somePrefix(s3);
    await at.put('a/1/model.onnx', graph);
    await using registry = new Registry(at.config({ VITRINE_MODEL_CONTROL: 'explicit' }));
    await registry.start();
    assert.deepEqual(registry.versions('a'), []);
    await registry.load('a');
    await at.put('a/2/model.onnx', graph);
    await registry.load('a');
    assert.deepEqual(registry.versions('a'), ['2']);
  });

  it('are never a mix where objects change while they are read', async () => {
    await using at = await somePrefix(s3);
    const [before, after] = [objects('before'), objects('behind')];
    await at.putAll(before);
    let changed = false;
    await using between = await proxy(s3.endpoint, async (request) => {
      // The listing has been answered, and the weights are about to be.
      if (changed || request.method !== 'GET' || !request.url?.includes('weights-2')) return;
      changed = true;
      await at.putAll(after);
    });
    await using repository = at.repository({ VITRINE_S3_ENDPOINT: between.endpoint });
    await repository.open();
    assert.ok(changed);
    const [folder] = await repository.scan();
    for (const [key, bytes] of after)
      assert.deepEqual(await readFile(join(folder!.folder, key.slice('a/'.length))), bytes, key);
    assert.equal((await at.served()).length, 1);
  });

  it('go on where a transfer was cut off, also after a restart', async () => {
    await using at = await somePrefix(s3);
    const weights = randomBytes(6 * 1024 ** 2);
    await at.put('a/1/model.onnx', graph);
    await at.put('a/1/weights', weights);
    let answers = 0;
    const ranges: string[] = [];
    await using between = await proxy(s3.endpoint, async (request, response) => {
      if (!request.url?.includes('weights') || request.method !== 'GET') return;
      ranges.push(request.headers.range ?? '');
      // As a process sees it that ends in the middle: after the first megabytes nothing is answered.
      answers += 1;
      if (answers > 1) response.destroy();
      else cutAfter(response, 2 * 1024 ** 2);
    });
    {
      await using repository = at.repository({ VITRINE_S3_ENDPOINT: between.endpoint });
      await repository.open();
      assert.equal(repository.standings[0]?.state, 'unreachable');
    }
    await using direct = await proxy(s3.endpoint, async (request) => {
      if (request.url?.includes('weights') && request.method === 'GET') ranges.push(request.headers.range ?? '');
    });
    await using repository = at.repository({ VITRINE_S3_ENDPOINT: direct.endpoint });
    await repository.open();
    assert.match(ranges.at(-1)!, /^bytes=[1-9]\d+-/);
    const [folder] = await repository.scan();
    assert.deepEqual(await readFile(join(folder!.folder, '1', 'weights')), weights);
  });

  it('need the list of hashes and its signature where a key is set, and each object its hash', async () => {
    await using at = await somePrefix(s3);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const keyFile = join(at.data, 'key.pem');
    await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }));
    await at.put('a/1/model.onnx', graph);
    await at.put('b/1/model.onnx', graph);
    await using repository = at.repository({ VITRINE_MODELS_PUBLIC_KEY_FILE: keyFile });
    const look = async () => {
      await repository.findNow('a').catch(() => undefined);
      const [standing] = await repository.standingsNow();
      return { ...standing!, names: (await repository.scan()).map(({ name }) => name) };
    };
    await repository.open();
    assert.match((await look()).problem ?? '', /has no SHA256SUMS; put SHA256SUMS/);
    const sums = Buffer.from(`${sha256Of(graph)}  a/1/model.onnx\n${'0'.repeat(64)}  ./b/1/model.onnx\n`);
    await at.put('SHA256SUMS', sums);
    await at.put('SHA256SUMS.sig', sign(null, Buffer.from('another'), privateKey));
    assert.match((await look()).problem ?? '', /not that of VITRINE_MODELS_PUBLIC_KEY_FILE/);
    await at.put('SHA256SUMS.sig', sign(null, sums, privateKey));
    const signed = await look();
    assert.deepEqual([signed.state, signed.names], ['ready', ['a']]);
    assert.match(signed.refused.b ?? '', /SHA-256 of b\/1\/model\.onnx is/);
    const [refused] = repository.elsewhere;
    assert.deepEqual([refused?.name, refused?.isComing], ['b', false]);
    await at.put('a/1/weights', Buffer.from('not in the list'));
    const unlisted = await look();
    assert.match(unlisted.refused.a ?? '', /a\/1\/weights is not in SHA256SUMS/);
    assert.deepEqual(unlisted.names, ['a'], 'the one before stays');
  });

  it('are refused beyond the limits, without credentials, and below a prefix that has none', async () => {
    await using at = await somePrefix(s3);
    const problemOf = async (settings: Record<string, string>) => {
      await using repository = at.repository(settings);
      await repository.open();
      return repository.standings[0]?.problem ?? '';
    };
    assert.match(await problemOf({}), /no model below its prefix/);
    await at.put('a/1/model.onnx', graph);
    assert.match(await problemOf({ VITRINE_MODELS_BYTES_MAX: '2000' }), /more than 2000 bytes; name a longer prefix/);
    await at.put('a/1/weights', graph);
    assert.match(await problemOf({ VITRINE_MODELS_FILES_MAX: '1' }), /more than 1 objects/);
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    try {
      assert.match(await problemOf({}), /refuses the credentials/);
    } finally {
      Object.assign(process.env, s3.credentials);
    }
  });
});

/** Of the same sizes for names of the same length. */
function objects(version: string): Map<string, Buffer> {
  const weights = [1, 2, 3].map((at) => [`a/1/weights-${at}`, Buffer.from(`${version} ${at}`)] as const);
  return new Map([
    ['a/1/model.onnx', graph],
    ['a/model.json', Buffer.from(JSON.stringify({ description: version }))],
    ...weights,
  ]);
}

/** A prefix of the bucket for one test, and a data folder. */
async function somePrefix(s3: S3Server) {
  const data = await temporaryFolder();
  const models = `s3://${s3.bucket}/of/${randomUUID()}`;
  const config = (settings: Record<string, string> = {}) =>
    readConfig({ VITRINE_DATA: data.path, VITRINE_MODELS: models, VITRINE_S3_ENDPOINT: s3.endpoint, ...settings });
  const { sdk, client, name: Bucket, prefix } = await S3Bucket.open(models, config());
  const put = async (key: string, Body: Buffer) => {
    await client.send(new sdk.PutObjectCommand({ Bucket, Key: prefix + key, Body }));
  };
  return {
    data: data.path,
    config,
    put,
    putAll: async (all: ReadonlyMap<string, Buffer>) => {
      for (const [key, bytes] of all) await put(key, bytes);
    },
    remove: async (key: string) => {
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: prefix + key }));
    },
    repository: (settings: Record<string, string> = {}) => new ModelRepository(config(settings)),
    /** The states of models that lie on the disk. */
    served: async () => {
      const places = join(data.path, 'models');
      const [place] = await readdir(places);
      return await readdir(join(places, place!, 'served'));
    },
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await data[Symbol.asyncDispose]();
    },
  };
}

/** Passes everything on; `first` may do something before it does. */
async function proxy(target: string, first: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
  const server = createServer((request, response) => {
    void first(request, response).then(() => {
      if (response.destroyed) return;
      const passed = httpRequest(
        target + request.url,
        { method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      passed.on('error', () => response.destroy());
      request.pipe(passed);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function cutAfter(response: ServerResponse, bytes: number): void {
  const { write } = response;
  let sent = 0;
  response.write = function (this: ServerResponse, ...given: Parameters<typeof write>) {
    sent += (given[0] as Buffer).length;
    if (sent > bytes) {
      response.destroy();
      return false;
    }
    return write.apply(this, given);
  } as typeof write;
}
