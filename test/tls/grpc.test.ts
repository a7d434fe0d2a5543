import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { Config } from '../../src/config.ts';
import type { HandshakeFailure } from '../../src/http/tls/handshake-failures.ts';
import { identity, slowInBatches } from '../../testkit/models/models.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { type Pair, read, TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';
import {
  type ClientTls,
  copyRequest,
  floatsOf,
  type GrpcClient,
  healthClient,
  inferenceClient,
  reflectionClient,
} from '../grpc/grpc-client.ts';

const models = { copy: { onnx: identity('FP32') } };
/** Each client has a connection of its own. */
const apart = { 'grpc.use_local_subchannel_pool': 1 };

describe('gRPC over TLS', () => {
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

  it('answers inferences, health and reflection', async () => {
    await using api = await serveApi(models, secured(), { observed: true });
    using client = inferenceClient(api.grpcPort, apart, { ca });
    assert.deepEqual(await copied(client, [1, 2]), [1, 2]);
    using health = healthClient(api.grpcPort, { ca });
    assert.equal((await health.ask('Check')).answer.status, 'SERVING');
    using reflection = reflectionClient(api.grpcPort, false, { ca });
    const asking = reflection.stream('ServerReflectionInfo');
    asking.write({ list_services: '' });
    const [{ list_services_response: listed }] = await once(asking, 'data');
    assert.ok(listed.service.some(({ name }: { name: string }) => name === 'inference.GRPCInferenceService'));
    asking.end();
    await once(asking, 'end');
  });

  it('is TLS 1.3 unless VITRINE_TLS_MIN_VERSION allows 1.2', async () => {
    await using strict = await serveApi({}, secured());
    await assert.rejects(secureSocket(strict, { ca, maxVersion: 'TLSv1.2' }), /alert protocol version/i);
    assert.equal(failuresOf(strict, 'old_version'), 1);
    await using lenient = await serveApi({}, secured({ tlsMinVersion: '1.2' }));
    assert.equal(await secureSocket(lenient, { ca, maxVersion: 'TLSv1.2' }), 'h2');
  });

  describe('that does not come about', () => {
    let api: ServedApi;

    before(async () => {
      api = await serveApi({}, secured({ tlsClientCaFile: authority.file, tlsHandshakeMsMax: 2_000 }), {
        observed: true,
      });
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
      it(`says why to each call: ${why}`, async () => {
        using client = inferenceClient(api.grpcPort, apart, { ca, ...(make && (await read(await make()))) });
        const { code, details } = await client.failure('ServerLive');
        assert.equal(code, status.UNAUTHENTICATED, details);
        assert.match(details, words);
        assert.ok(failuresOf(api, reason) >= 1);
      });

    it('says why to each call: no TLS', async () => {
      using client = inferenceClient(api.grpcPort, apart);
      const { code, details } = await client.failure('ServerLive');
      assert.equal(code, status.INVALID_ARGUMENT, details);
      assert.match(details, /speaks plain HTTP/);
      assert.ok(failuresOf(api, 'plain_http') >= 1);
    });

    it('says why to what is no HTTP/2 as well', async () => {
      const before = [failuresOf(api, 'plain_http'), failuresOf(api, 'not_tls')];
      for (const bytes of ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', '\0\0\0\0']) {
        const socket = connectPlain(api.grpcPort, '127.0.0.1');
        socket.write(bytes);
        assert.match(await text(socket), /Cannot take the connection/);
      }
      assert.deepEqual(
        [failuresOf(api, 'plain_http'), failuresOf(api, 'not_tls')],
        before.map((count) => count + 1),
      );
    });

    it('counts who offers another protocol, and who does not know our authority', async () => {
      await assert.rejects(secureSocket(api, { ca, ALPNProtocols: ['http/1.1'] }), /no application protocol/i);
      assert.equal(failuresOf(api, 'no_common_protocol'), 1);
      const counted = () => failuresOf(api, 'distrusted') + failuresOf(api, 'broken_off');
      const before = counted();
      await assert.rejects(secureSocket(api, { ca: await stranger.pem }));
      await waitFor('the count', () => counted() === before + 1);
    });

    it('ends when its time is over, silent or not', async () => {
      const before = failuresOf(api, 'too_slow');
      const silent = connectPlain(api.grpcPort, '127.0.0.1');
      const halfway = connectPlain(api.grpcPort, '127.0.0.1');
      halfway.write(Buffer.from([0x16, 0x03, 0x01]));
      assert.deepEqual(await Promise.all([text(silent), text(halfway)]), ['', '']);
      assert.equal(failuresOf(api, 'too_slow'), before + 2);
    });

    it('and leaves nothing behind', async () => {
      await waitFor('the end of the connections', () => api.budgets.connections.taken === 0);
      assert.equal(api.held().inFlight, 0);
    });
  });

  it('on a plain port is refused with a word, and counted', async () => {
    await using api = await serveApi(models);
    const socket = connect({ port: api.grpcPort, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] });
    const [error] = await once(socket, 'error').catch((thrown: Error) => [thrown]);
    assert.match(String(error), /wrong version number/i);
    assert.equal(failuresOf(api, 'tls_on_plain_port'), 1);
    using client = inferenceClient(api.grpcPort);
    assert.deepEqual(await copied(client, [3]), [3]);
  });

  it('and HTTP on the other’s port is refused by its protocol', async () => {
    await using api = await serveApi({}, secured());
    const session = connectHttp2(`https://127.0.0.1:${api.port}`, { ca });
    const [error] = await once(session, 'error').catch((thrown: Error) => [thrown]);
    assert.match(String(error), /no application protocol/i);
    assert.equal(failuresOf(api, 'no_common_protocol'), 1);
  });

  it('takes the names of a client certificate for a tenant', async () => {
    const keysFile = join(folder.path, 'keys.json');
    const keys = [
      { name: 'robot', certificate_names: ['dns:robot.here'] },
      { name: 'batch', certificate_names: ['uri:spiffe://here/batch'], models: ['none'] },
      { name: 'person', sha256: hash('sha256', 'a-key-of-a-person', 'hex') },
    ];
    await writeFile(keysFile, JSON.stringify({ keys }));
    const optional = { tlsClientCaFile: authority.file, tlsClientCertificates: 'optional' } as const;
    await using api = await serveApi(models, secured({ ...optional, apiKeysFile: keysFile }));
    const presenting = async (name: string, names: string[]): Promise<ClientTls> => ({
      ca,
      ...(await read(await authority.issue(name, { names }))),
    });
    using robot = inferenceClient(api.grpcPort, apart, await presenting('robot', ['DNS:robot.here']));
    assert.deepEqual(await copied(robot, [1]), [1]);
    using batch = inferenceClient(api.grpcPort, apart, await presenting('batch', ['URI:spiffe://here/batch']));
    assert.equal((await batch.failure('ModelInfer', copyRequest([1]))).code, status.PERMISSION_DENIED);
    using nobody = inferenceClient(api.grpcPort, apart, { ca });
    assert.equal((await nobody.failure('ModelInfer', copyRequest([1]))).code, status.UNAUTHENTICATED);
    await nobody.ask('ModelInfer', copyRequest([1]), { 'x-api-key': 'a-key-of-a-person' });
    using bad = inferenceClient(api.grpcPort, apart, { ca, ...(await read(await stranger.issue('bad'))) });
    assert.match((await bad.failure('ServerLive')).details, /authority that is not known/);
  });

  it('takes up changed files without a lost call', async () => {
    const files = { certificate: join(folder.path, 'now.crt'), key: join(folder.path, 'now.key') };
    await copyPair(pair, files);
    await using api = await serveApi(models, secured({ tlsCertFile: files.certificate, tlsKeyFile: files.key }));
    using kept = inferenceClient(api.grpcPort, apart, { ca });
    let goesOn = true;
    let answered = 0;
    const asking = (async () => {
      while (goesOn) {
        assert.deepEqual(await copied(kept, [answered % 100]), [answered % 100]);
        using once = inferenceClient(api.grpcPort, apart, { ca });
        assert.deepEqual(await copied(once, [1]), [1]);
        answered += 1;
      }
    })();
    const next = await authority.issue('next', { commonName: 'next' });
    assert.equal(await commonNameOf(api), 'port');
    await copyPair(next, files);
    await waitFor('the new certificate', async () => (await commonNameOf(api)) === 'next');
    const then = answered;
    await waitFor('calls by it', () => answered > then + 2);
    goesOn = false;
    await asking;
  });

  it('stops in order: what was taken is answered, and a connection without a handshake is cut off', async () => {
    const slow = { onnx: slowInBatches(300), manifest: { batching: { rows_max: 0 } } };
    await using api = await serveApi({ slow }, secured({ tlsHandshakeMsMax: 120_000 }), { observed: true });
    using client = inferenceClient(api.grpcPort, apart, { ca });
    const inFlight = [1, 2].map((value) =>
      client.ask('ModelInfer', copyRequest([value, 0, 0, 0], { model_name: 'slow' })),
    );
    await waitFor('calls in flight', () => api.held().inFlight === 2, { everyMs: 1 });
    const silent = connectPlain(api.grpcPort, '127.0.0.1');
    await once(silent, 'connect');
    const stopped = api.stopGrpc();
    await Promise.all(inFlight);
    api.cutGrpc();
    await stopped;
    assert.equal(await text(silent), '');
  });

  async function commonNameOf(api: ServedApi): Promise<string> {
    const socket = connect({ port: api.grpcPort, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  }

  /** Answers the protocol that both speak. */
  async function secureSocket({ grpcPort }: ServedApi, options: ConnectionOptions): Promise<string> {
    const socket = connect({ port: grpcPort, host: '127.0.0.1', ALPNProtocols: ['h2'], ...options });
    // The server's word about a handshake that is done for the client comes with the first bytes.
    socket.resume();
    const failed = new Promise<never>((_, reject) => socket.once('error', reject));
    try {
      await Promise.race([once(socket, 'secureConnect'), failed]);
      return String(socket.alpnProtocol);
    } finally {
      socket.destroy();
    }
  }
});

async function copied(client: GrpcClient, values: readonly number[]): Promise<number[]> {
  const { answer } = await client.ask('ModelInfer', copyRequest(values));
  return floatsOf(answer.raw_output_contents[0]);
}

async function copyPair(from: Pair, to: Pair): Promise<void> {
  await copyFile(from.certificate, to.certificate);
  await copyFile(from.key, to.key);
}

function failuresOf({ meter }: ServedApi, reason: HandshakeFailure): number {
  return meter.counter('tlsHandshakeFailures').series(reason).value;
}
