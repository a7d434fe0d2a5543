import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { read, TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { backendFile, baseFile, CollectorProcess } from './collector-process.ts';
import { numbered, numbersIn } from './numbered-load.ts';
import { encode, post, type Signal } from './otlp-json.ts';

const signals = ['traces', 'metrics', 'logs'] as const satisfies readonly Signal[];
const count = 20;
const deadline = { deadlineMs: 120_000 };

describe('the Collector, encrypted', function () {
  this.timeout(300_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ours: TestAuthority;
  let others: TestAuthority;
  let store: CollectorProcess;
  let collector: CollectorProcess;

  before(async () => {
    folder = await temporaryFolder();
    ours = await TestAuthority.in(join(folder.path, 'ours'));
    others = await TestAuthority.in(join(folder.path, 'others'));
    await ours.issue('collector');
  });
  after(() => folder?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await collector?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const pairOf = (prefix: string, { folder: in_ }: TestAuthority, file: string) => ({
    [`${prefix}_CERT_FILE`]: join(in_, `${file}.crt`),
    [`${prefix}_KEY_FILE`]: join(in_, `${file}.key`),
  });

  /** A store that asks for certificates of ours, and a Collector that presents one. */
  async function prepare(): Promise<void> {
    store = await CollectorProcess.sink([backendFile('tls')], {
      ...pairOf('VITRINE_COLLECTOR_TLS', ours, 'store'),
      VITRINE_COLLECTOR_TLS_CLIENT_CA_FILE: ours.file,
    });
    collector = await CollectorProcess.prepare([baseFile, ...['prometheus', 'tempo', 'loki'].map(backendFile)], {
      VITRINE_TEMPO_OTLP_PORT: String(store.grpcPort),
      VITRINE_PROMETHEUS_PORT: String(store.httpPort),
      VITRINE_LOKI_PORT: String(store.httpPort),
      VITRINE_STORE_SCHEME: 'https',
      VITRINE_STORE_CA_FILE: ours.file,
      ...pairOf('VITRINE_STORE', ours, 'collector'),
    });
  }

  async function send(): Promise<void> {
    for (const signal of signals)
      await post(
        collector.url,
        signal,
        encode(
          signal,
          Array.from({ length: count }, (_, number) => numbered(signal, number)),
        ),
      );
  }

  const arrived = async (signal: Signal) => new Set(numbersIn(signal, await store.received(signal))).size;

  async function untilAllHaveArrived(): Promise<void> {
    for (const signal of signals)
      await waitFor(`all ${signal}`, async () => (await arrived(signal)) === count, deadline);
  }

  /** The reason is in the log, what was sent waits in the queues, and none has arrived. */
  async function expectRefusal(reason: RegExp): Promise<void> {
    await send();
    await waitFor(`${reason} in the Collector’s log`, async () => reason.test(await collector.console()), deadline);
    await waitFor(
      'what waits to be counted',
      async () => {
        const waiting = (await collector.ownMetrics()).filter((line) =>
          /^otelcol_exporter_queue_size\{.*\} [1-9]/.test(line),
        );
        return waiting.length === signals.length;
      },
      deadline,
    );
    for (const signal of signals) assert.equal(await arrived(signal), 0, signal);
  }

  for (const [what, issue, reason] of [
    ['is of another authority', () => others.issue('store', { into: ours.folder }), /signed by unknown authority/],
    ['has expired', () => ours.issue('store', { fromDays: -9, untilDays: -1 }), /expired or is not yet valid/],
    ['is not yet valid', () => ours.issue('store', { fromDays: 3 }), /expired or is not yet valid/],
    ['has another name', () => ours.issue('store', { names: ['DNS:elsewhere'] }), /certificate/],
  ] as const)
    it(`keeps everything while the certificate of a store ${what}, and sends it when the file is replaced`, async () => {
      await issue();
      await prepare();
      await store.start();
      await collector.start();
      await expectRefusal(reason);
      // Both go on running.
      await ours.issue('store');
      await untilAllHaveArrived();
    });

  it('keeps everything while a store misses its certificate, and sends it once it presents one', async () => {
    await ours.issue('store');
    await prepare();
    await store.start();
    await collector.start({ VITRINE_STORE_CERT_FILE: '', VITRINE_STORE_KEY_FILE: '' });
    await expectRefusal(/certificate required/);
    assert.match(await store.console(), /client didn't provide a certificate/);
    await collector.stop();
    await collector.start();
    await untilAllHaveArrived();
  });

  it('keeps everything while a store does not speak TLS, and sends it once the store does', async () => {
    await ours.issue('store');
    await prepare();
    const plain = await CollectorProcess.sink([], {
      VITRINE_OTLP_GRPC_PORT: String(store.grpcPort),
      VITRINE_OTLP_HTTP_PORT: String(store.httpPort),
    });
    try {
      await plain.start();
      await collector.start();
      await expectRefusal(/server gave HTTP response to HTTPS client/);
      await plain.stop();
      await store.start();
      await untilAllHaveArrived();
    } finally {
      await plain[Symbol.asyncDispose]();
    }
  });

  it('takes telemetry from senders with a certificate of ours only, over TLS 1.3, and logs who is refused', async () => {
    await ours.issue('sender');
    await others.issue('stranger');
    await ours.issue('late', { fromDays: -9, untilDays: -1 });
    collector = await CollectorProcess.intoFiles([baseFile, backendFile('tls')], {
      ...pairOf('VITRINE_COLLECTOR_TLS', ours, 'collector'),
      VITRINE_COLLECTOR_TLS_CLIENT_CA_FILE: ours.file,
    });
    const ca = await readFile(ours.file);
    const body = JSON.stringify(encode('logs', [numbered('logs', 1)]));
    const pair = async (of: TestAuthority, file: string) =>
      read({ certificate: join(of.folder, `${file}.crt`), key: join(of.folder, `${file}.key`) });
    const sendWith = (options: RequestOptions) => answerOf(request, collector.httpPort, body, { ca, ...options });

    assert.equal((await sendWith(await pair(ours, 'sender'))).status, 200);
    await assert.rejects(sendWith({}), /certificate required|alert/i);
    await assert.rejects(sendWith(await pair(others, 'stranger')), /unknown ca|alert|reset/i);
    await assert.rejects(sendWith(await pair(ours, 'late')), /certificate|alert|reset/i);
    await assert.rejects(sendWith({ ...(await pair(ours, 'sender')), maxVersion: 'TLSv1.2' }), /version/i);
    const plain = await answerOf(plainRequest, collector.httpPort, body, {});
    assert.equal(plain.status, 400);
    assert.match(plain.text, /HTTP request to an HTTPS server/);
    for (const reason of [/didn't provide a certificate/, /unknown authority/, /expired/])
      await waitFor(`${reason} in the log`, async () => reason.test(await collector.console()), deadline);
    await waitFor('the record', async () => numbersIn('logs', await collector.received('logs')).length === 1, deadline);
  });
});

function answerOf(
  ask: typeof request | typeof plainRequest,
  port: number,
  body: string,
  options: RequestOptions,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = ask(
      {
        host: '127.0.0.1',
        port,
        path: '/v1/logs',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        agent: false,
        ...options,
      },
      async (answer) => {
        answer.on('error', reject);
        let text = '';
        for await (const part of answer) text += part;
        resolve({ status: answer.statusCode ?? 0, text });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
