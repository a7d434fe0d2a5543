import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:https';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect } from 'node:tls';
import express from 'express';
import type { Config } from '../../src/config.ts';
import { headLine } from '../../src/head-lines.ts';
import { fastExchange } from '../../src/http/fast-exchange.ts';
import { plainExchange } from '../../src/http/plain-exchange.ts';
import { alternativeNames } from '../../src/http/tls/certificate-names.ts';
import type { HandshakeFailure } from '../../src/http/tls/handshake-failures.ts';
import { identity } from '../../testkit/models/models.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { type Pair, read, TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

const body = JSON.stringify({ inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }] });
const models = { copy: { onnx: identity('FP32') } };

type Asked = { status: number; body: string; certificate: string };

describe('HTTPS', () => {
  let folder: TemporaryFolder;
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let pair: Pair;
  let ca: Buffer;

  before(async () => {
    folder = await temporaryFolder();
    authority = await TestAuthority.in(join(folder.path, 'ours'));
    stranger = await TestAuthority.in(join(folder.path, 'strange'));
    pair = await authority.issue('port');
    ca = await authority.pem;
  });
  after(() => folder[Symbol.asyncDispose]());

  const secured = (more: Partial<Config> = {}): Partial<Config> => ({
    tlsCertFile: pair.certificate,
    tlsKeyFile: pair.key,
    ...more,
  });

  for (const httpExchange of ['fast', 'plain'] as const)
    it(`answers inferences on a kept connection, by the ${httpExchange} exchange`, async () => {
      await using api = await serveApi(models, secured(), { httpExchange, observed: true });
      using agent = keptAgent();
      for (let at = 0; at < 3; at += 1) {
        const { status, body: said } = await ask(api, '/v2/models/copy/infer', { ca, agent, body });
        assert.equal(status, 200, said);
        assert.deepEqual(JSON.parse(said).outputs[0].data, [1, 2]);
      }
      assert.equal(api.budgets.connections.taken, 1);
    });

  for (const httpExchange of ['fast', 'plain'] as const)
    it(`cuts off who does not read its answer, by the ${httpExchange} exchange`, async () => {
      const limits = { slowAfterMs: 400, bytesPerSecondMin: 1024 };
      await using api = await serveApi(models, secured(limits), { httpExchange });
      const { answers, connections } = api.budgets;
      const large = JSON.stringify({
        inputs: [{ name: 'x', shape: [1, 200_000], datatype: 'FP32', data: Array(200_000).fill(0.123456) }],
      });
      const socket = connect({ port: api.port, host: '127.0.0.1', ca });
      socket.on('error', () => undefined);
      socket.pause();
      for (let at = 0; at < 8; at += 1)
        socket.write(
          `POST /v2/models/copy/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
        );
      await waitFor('the answers to wait', () => answers.taken > 1_000_000);
      await waitFor('it to be cut', () => connections.taken === 0);
      assert.equal(answers.taken, 0);
      socket.resume();
      await waitFor('the end', () => socket.closed);
    });

  for (const make of [fastExchange, plainExchange])
    it(`sees how much of an answer its caller has taken, by the ${make.name}`, async () => {
      const exchange = make(express(), 5_000);
      const bytes = Buffer.alloc(16_000_000);
      const served = Promise.withResolvers<Socket>();
      const server = createServer({ ...exchange.options, ...(await read(pair)) }, (request, response) => {
        exchange.begin(request, response);
        exchange.end(response, headLine('Content-Length', bytes.length), [bytes], bytes.length);
        served.resolve(request.socket);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const caller = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ca });
      caller.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      const socket = await served.promise;
      let taken = 0;
      for await (const piece of caller) {
        const before = taken;
        taken += (piece as Buffer).length;
        // A third of the answer at a time; what lies between is the system's.
        if (Math.floor(before / 5_000_000) === Math.floor(taken / 5_000_000) || socket.destroyed) continue;
        await waitFor('what it took to be seen', () => exchange.sentBytes(socket) >= taken - 1_000_000, { everyMs: 5 });
        assert.ok(exchange.sentBytes(socket) <= bytes.length * 1.01);
      }
      assert.ok(taken > bytes.length);
      server.close();
    });

  it('is TLS 1.3 unless VITRINE_TLS_MIN_VERSION allows 1.2', async () => {
    await using strict = await serveApi({}, secured());
    await assert.rejects(ask(strict, '/live', { ca, maxVersion: 'TLSv1.2' }), /alert protocol version/i);
    assert.equal(failuresOf(strict, 'old_version'), 1);
    await using lenient = await serveApi({}, secured({ tlsMinVersion: '1.2' }));
    assert.equal((await ask(lenient, '/live', { ca, maxVersion: 'TLSv1.2' })).status, 200);
  });

  describe('that does not come about', () => {
    let api: ServedApi;

    before(async () => {
      api = await serveApi({}, secured({ tlsClientCaFile: authority.file, tlsHandshakeMsMax: 2_000 }));
    });
    after(() => api[Symbol.asyncDispose]());

    for (const { why, reason, words, make } of [
      { why: 'no client certificate', reason: 'no_certificate', words: /no client certificate/, make: undefined },
      {
        why: 'another authority’s certificate',
        reason: 'wrong_authority',
        words: /authority that is not known/,
        make: () => stranger.issue('client'),
      },
      {
        why: 'an expired certificate',
        reason: 'expired',
        words: /has expired/,
        make: () => authority.issue('old', { fromDays: -9, untilDays: -1 }),
      },
      {
        why: 'a certificate that is not yet valid',
        reason: 'not_yet_valid',
        words: /not yet valid/,
        make: () => authority.issue('early', { fromDays: 1, untilDays: 2 }),
      },
    ] as const)
      it(`says why: ${why}`, async () => {
        const { status, body: said } = await ask(api, '/live', { ca, ...(make && (await read(await make()))) });
        assert.equal(status, 401, said);
        const { code, error } = JSON.parse(said);
        assert.equal(code, 'certificate_refused');
        assert.match(error, words);
        assert.equal(failuresOf(api, reason), 1);
      });

    it('says why: plain HTTP', async () => {
      const answer = await fetch(`http://127.0.0.1:${api.port}/live`);
      const { code, error } = (await answer.json()) as { code: string; error: string };
      assert.deepEqual([answer.status, code], [400, 'wrong_protocol']);
      assert.match(error, /speaks HTTPS only; use https:/);
      assert.equal(failuresOf(api, 'plain_http'), 1);
    });

    it('says why: something else', async () => {
      const socket = connectPlain(api.port, '127.0.0.1');
      socket.write('\0\0\0\0');
      assert.match(await text(socket), /^HTTP\/1\.1 400 /);
      assert.equal(failuresOf(api, 'not_tls'), 1);
    });

    it('counts a client that does not know our authority, as it says so', async () => {
      // OpenSSL's own client says it by an alert; Node's leaves without a word.
      const socket = connect({ port: api.port, host: '127.0.0.1', ca: await stranger.pem });
      socket.on('error', () => undefined);
      await waitFor('the count', () => failuresOf(api, 'distrusted') + failuresOf(api, 'broken_off') === 1);
    });

    it('ends when its time is over, silent or not', async () => {
      const before = failuresOf(api, 'too_slow');
      const silent = connectPlain(api.port, '127.0.0.1');
      const halfway = connectPlain(api.port, '127.0.0.1');
      halfway.write(Buffer.from([0x16, 0x03, 0x01]));
      assert.deepEqual(await Promise.all([text(silent), text(halfway)]), ['', '']);
      assert.equal(failuresOf(api, 'too_slow'), before + 2);
    });

    it('and does not count who only looks whether the port is open', async () => {
      const counted = () => failuresOf(api, 'broken_off');
      const before = counted();
      const socket = connectPlain(api.port, '127.0.0.1', () => socket.end());
      await text(socket);
      await waitFor('its end', () => api.budgets.connections.taken === 0);
      assert.equal(counted(), before);
    });
  });

  it('on a plain port is refused with a word, and counted', async () => {
    await using api = await serveApi({});
    const socket = connect({ port: api.port, host: '127.0.0.1', ca });
    const [error] = await Promise.all([new Promise<Error>((resolve) => socket.once('error', resolve))]);
    assert.match(String(error), /wrong version number/i);
    assert.equal(failuresOf(api, 'tls_on_plain_port'), 1);
  });

  it('lets a caller without a certificate in where these are optional, and no bad one', async () => {
    await using api = await serveApi(
      {},
      secured({ tlsClientCaFile: authority.file, tlsClientCertificates: 'optional' }),
    );
    assert.equal((await ask(api, '/live', { ca })).status, 200);
    const bad = await read(await stranger.issue('other-client'));
    assert.equal((await ask(api, '/live', { ca, ...bad })).status, 401);
  });

  it('takes the names of a client certificate for a tenant', async () => {
    const keysFile = join(folder.path, 'keys.json');
    await writeFile(
      keysFile,
      JSON.stringify({
        keys: [
          { name: 'batch', certificate_names: ['uri:spiffe://here/batch', 'cn:batch'], models: ['none'] },
          { name: 'robot', certificate_names: ['dns:robot.here'] },
          { name: 'person', sha256: hash('sha256', 'a-key-of-a-person', 'hex') },
        ],
      }),
    );
    await using api = await serveApi(models, secured({ tlsClientCaFile: authority.file, apiKeysFile: keysFile }));
    const clientOf = async (name: string, names: string[]) => ({
      ca,
      ...(await read(await authority.issue(name, { names }))),
    });
    const infer = (options: ConnectionOptions & { headers?: Record<string, string> }) =>
      ask(api, '/v2/models/copy/infer', { ...options, body });
    const robot = await clientOf('any', ['DNS:robot.here']);
    assert.equal((await infer(robot)).status, 200);
    const facts = await ask(api, '/page/facts', robot);
    assert.match(facts.body, /"robot"/);
    // Another tenant, whose key does not include the model.
    assert.equal((await infer(await clientOf('spiffe', ['URI:spiffe://here/batch']))).status, 403);
    assert.equal((await infer(await clientOf('batch', ['DNS:elsewhere']))).status, 403);
    const unknown = await infer(await clientOf('nobody', ['DNS:nobody.here']));
    assert.equal(unknown.status, 401);
    assert.match(unknown.body, /names in its client certificate/);
    const both = await infer(await clientOf('two', ['DNS:robot.here', 'URI:spiffe://here/batch']));
    assert.equal(both.status, 401, 'its names are those of two tenants');
    // A key in the request counts before the certificate.
    const keyed = {
      ...(await clientOf('spiffe', ['URI:spiffe://here/batch'])),
      headers: { 'x-api-key': 'a-key-of-a-person' },
    };
    assert.equal((await infer(keyed)).status, 200);
  });

  it('takes up changed files without a lost request', async () => {
    const files = { certificate: join(folder.path, 'now.crt'), key: join(folder.path, 'now.key') };
    await copyPair(pair, files);
    await using api = await serveApi(models, secured({ tlsCertFile: files.certificate, tlsKeyFile: files.key }));
    using kept = keptAgent();
    const seen = new Map<string, number>();
    let goesOn = true;
    let asked = 0;
    const asking = [kept, undefined].map(async (agent) => {
      while (goesOn) {
        asked += 1;
        const { status, certificate } = await ask(api, '/v2/models/copy/infer', { ca, body, ...(agent && { agent }) });
        assert.equal(status, 200);
        seen.set(certificate, (seen.get(certificate) ?? 0) + 1);
      }
    });
    await waitFor('requests', () => asked > 20);
    const next = await authority.issue('next', { commonName: 'next' });
    // Half of the pair: the key has not come yet.
    await copyFile(next.certificate, files.certificate);
    await waitFor('health to warn', async () => (await certificatesOf(api)).status === 'warning');
    assert.match((await certificatesOf(api)).message, /security log says why/);
    assert.equal((await ask(api, '/live', { ca })).certificate, 'port');
    await copyFile(next.key, files.key);
    await waitFor('the new certificate', () => (seen.get('next') ?? 0) > 5);
    assert.equal((await certificatesOf(api)).status, 'healthy');
    goesOn = false;
    await Promise.all(asking);
    assert.equal(
      [...seen.values()].reduce((sum, each) => sum + each),
      asked,
    );
  });

  async function certificatesOf(api: ServedApi): Promise<{ status: string; message: string }> {
    return JSON.parse((await ask(api, '/health', { ca })).body).checks.certificates;
  }
});

describe('the settings of HTTPS', () => {
  for (const { what, settings, words } of [
    { what: 'a certificate alone', settings: { tlsCertFile: 'a' }, words: /Cannot use VITRINE_TLS_CERT_FILE alone/ },
    { what: 'a key alone', settings: { tlsKeyFile: 'a' }, words: /Cannot use VITRINE_TLS_KEY_FILE alone/ },
    {
      what: 'an authority alone',
      settings: { tlsClientCaFile: 'a' },
      words: /Cannot use VITRINE_TLS_CLIENT_CA_FILE alone/,
    },
    {
      what: 'files that are not there',
      settings: { tlsCertFile: '/none/a', tlsKeyFile: '/none/b' },
      words: /VITRINE_TLS_CERT_FILE cannot be read \(ENOENT\)/,
    },
    {
      what: 'files of something else',
      settings: { tlsCertFile: import.meta.filename, tlsKeyFile: import.meta.filename },
      words: /VITRINE_TLS_CERT_FILE has no certificate in PEM form/,
    },
  ])
    it(`end the start: ${what}`, () => assert.rejects(serveApi({}, settings), words));

  it('end the start: a key of another certificate', async () => {
    await using folder = await temporaryFolder();
    const authority = await TestAuthority.in(folder.path);
    const [one, other] = [await authority.issue('one'), await authority.issue('other')];
    await assert.rejects(
      serveApi({}, { tlsCertFile: one.certificate, tlsKeyFile: other.key }),
      /the key of VITRINE_TLS_KEY_FILE does not belong to the certificate/,
    );
  });
});

describe('the names of a certificate', () => {
  it('are read as Node writes them, quoted or not', () => {
    assert.deepEqual(alternativeNames('DNS:a.b, URI:"spiffe://x, DNS:admin", email:a@b, IP Address:1.2.3.4'), [
      'dns:a.b',
      'uri:spiffe://x, DNS:admin',
      'email:a@b',
    ]);
    assert.deepEqual(alternativeNames(''), []);
  });
});

type Asking = ConnectionOptions & { agent?: Agent; body?: string; headers?: Record<string, string> };

function ask({ port }: ServedApi, path: string, { body: sent, headers, agent, ...options }: Asking): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const given = { ...options, host: '127.0.0.1', port, path, agent: agent ?? false, headers };
    const asked = request({ ...given, method: sent === undefined ? 'GET' : 'POST' } as object, (answer) => {
      // Asked before the end: a kept connection leaves its request then.
      const certificate = String(
        asked.socket && 'getPeerCertificate' in asked.socket ? commonNameOf(asked.socket) : '',
      );
      text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said, certificate }), reject);
    });
    asked.on('error', reject);
    asked.end(sent);
  });
}

function commonNameOf(socket: object): string {
  return (socket as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN;
}

function keptAgent(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

async function copyPair(from: Pair, to: Pair): Promise<void> {
  await copyFile(from.certificate, to.certificate);
  await copyFile(from.key, to.key);
}

function failuresOf({ meter }: ServedApi, reason: HandshakeFailure): number {
  return meter.counter('tlsHandshakeFailures').series(reason).value;
}
