import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { ServiceError } from '../../src/errors.ts';
import type { Perform } from '../../src/jobs/run-attempt.ts';
import { identity } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { post, type ServedApi, sendRaw, serveApi } from './serve-api.ts';

const path = '/v2/models/copy/infer';
const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });

// Without keys each address is a client: the caller who does wrong has one of its own.
const hostile = '127.0.0.2';

describe('what all clients share', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveApi(
      { copy: { onnx: identity('FP32') } },
      {
        modelInFlightMax: 64,
        bodyIdleMsMax: 60_000,
        slowAfterMs: 60_000,
        connectionsMax: 160,
        answersBytesMax: 32 * mebibyte,
      },
    );
  });

  afterEach(closeAll);

  after(() => api[Symbol.asyncDispose]());

  it('is charged by what has arrived: 8 bodies of 64 MiB that were only announced take nothing from others', async () => {
    for (let at = 0; at < 8; at += 1) await drip(api, 64 * mebibyte, Buffer.alloc(130, 0x20));
    await answeredWhileOthersDrip();
  });

  it('leaves a model usable while one client drips into every place that it can get', async () => {
    // Each waits for a body that does not come; those beyond what one client may have are refused.
    for (let at = 0; at < 64; at += 1) await drip(api, 100, '{');
    const refused = await waitFor('the refusals', () => {
      const told = sockets.map(answerOf).filter((answer) => answer.endsWith('}'));
      return told.length >= 32 && told;
    });
    assert.match(refused[0]!, /^HTTP\/1\.1 429 .*"code":"share_used"/s);
    assert.match(refused[0]!, /\r\nRetry-After: 1\r\n/);
    assert.equal(refused.length, 32);
    await answeredWhileOthersDrip();
  });

  it('is given back when a client leaves', async () => {
    for (let again = 0; again < 3; again += 1) {
      for (let at = 0; at < 32; at += 1) await drip(api, 100, '{');
      await closeAll();
    }
    await waitFor('a place', async () => {
      const { status } = await sendRaw(api.port, [post(path, body)], { localAddress: hostile });
      return status === 200;
    });
  });

  it('has room for the answers of others while one client reads none of its own', async () => {
    // Connections of the other tests are freed when their connections are closed.
    const { answers } = api.budgets;
    await waitFor('an empty budget', () => answers.taken === 0);
    for (let at = 0; at < 6; at += 1) {
      const socket = await open(api);
      socket.pause();
      socket.write(largeCopy());
    }
    await waitFor('refusals', () => answers.refused.share >= 1);
    assert.ok(answers.taken <= 24 * mebibyte, String(answers.taken));
    const mine = await fetch(`${api.url}${path}`, { method: 'POST', ...largeRequest() });
    assert.equal(mine.status, 200);
    assert.ok((await mine.arrayBuffer()).byteLength >= 7 * mebibyte);
    await closeAll();
    await waitFor('the memory to come back', () => answers.taken === 0);
  });

  it('has connections for others while one address has all that it can get', async () => {
    await waitFor('no connection', () => api.budgets.connections.taken <= 1);
    for (let at = 0; at < 130; at += 1) await open(api);
    const refused = await waitFor('the refusals', () => {
      const told = sockets.filter((socket) => answerOf(socket).endsWith('}'));
      return told.length >= 9 && told;
    });
    assert.match(answerOf(refused[0]!), /^HTTP\/1\.1 429 Too Many Requests\r\n.*VITRINE_CONNECTIONS_MAX/s);
    assert.match(answerOf(refused[0]!), /\r\nRetry-After: 1\r\nConnection: close\r\n/);
    await waitFor('them to be closed', () => refused.every((socket) => socket.closed));
    assert.equal((await sendRaw(api.port, [post(path, body)])).status, 200);
  });

  async function answeredWhileOthersDrip(): Promise<void> {
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendRaw(api.port, [post(path, body)])));
    assert.deepEqual(
      answers.map(({ status, body: told }) => (status === 200 ? 200 : told)),
      Array(8).fill(200),
    );
  }
});

describe('the disk that all clients share', () => {
  let api: ServedApi;

  beforeEach(async () => {
    const limits = { tasksPerMinuteMax: 1_000, workBytesMax: 1_000_000, uploadBytesMax: 500_000 };
    api = await serveApi({}, { ...limits, bodyIdleMsMax: 60_000, slowAfterMs: 60_000 }, { perform: never });
  });

  afterEach(async () => {
    await closeAll();
    await api[Symbol.asyncDispose]();
  });

  it('is charged by what has arrived: uploads that announce no length take nothing from others while they are idle', async () => {
    for (let at = 0; at < 10; at += 1) (await open(api)).write(upload('Transfer-Encoding: chunked'));
    for (let at = 0; at < 10; at += 1) (await open(api)).write(upload('Content-Length: 400000'));
    await waitFor('the folders', async () => (await readdir(join(api.data, 'service', 'work'))).length >= 20);
    await acceptsOfOthers();
  });

  it('keeps a share for others when one client uploads as much as it can', async () => {
    const { budget } = api.jobs.folders;
    for (let at = 0; at < 3; at += 1) (await open(api)).write(Buffer.concat([upload('Content-Length: 600000'), part]));
    const refused = await waitFor('the refusal', () => sockets.map(answerOf).find((answer) => answer.endsWith('}')));
    assert.match(refused, /^HTTP\/1\.1 429 .*"code":"share_used"/s);
    assert.match(refused, /VITRINE_WORK_BYTES_MAX/);
    assert.ok(budget.taken <= 500_000, String(budget.taken));
    await acceptsOfOthers();
    await closeAll();
    await waitFor('it to be given back', () => budget.taken === 0);
  });

  async function acceptsOfOthers(): Promise<void> {
    const headers = { 'Content-Type': 'application/json', Prefer: 'respond-async' };
    const answer = await api.fetch('/v1/generate', { method: 'POST', headers, body: '{"prompt":"a bell"}' });
    assert.equal(answer.status, 202, await answer.text());
  }
});

const part = Buffer.alloc(300_000, 0x20);

function upload(length: string): Buffer {
  const form = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
  const isChunked = length.startsWith('Transfer');
  const begin = isChunked ? `${form.length.toString(16)}\r\n${form}\r\n` : form;
  return Buffer.from(
    `POST /v1/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n${length}\r\n\r\n${begin}`,
  );
}

const never: Perform = (_job, { signal }) =>
  new Promise((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new ServiceError('caller_gone', 'Gone.'))),
  );

describe('a caller who is slower than the least rate', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { bodyIdleMsMax: 60_000, slowAfterMs: 400, bytesPerSecondMin: 1024 },
    );
  });

  afterEach(closeAll);

  after(() => api[Symbol.asyncDispose]());

  it('is told so while its body drips: 408', async () => {
    const socket = await drip(api, 1000, '{');
    const dripping = setInterval(() => socket.write(' '), 50);
    try {
      await waitFor('the refusal', () => answerOf(socket).endsWith('}'));
    } finally {
      clearInterval(dripping);
    }
    assert.match(answerOf(socket), /^HTTP\/1\.1 408 .*"code":"body_too_slow"/s);
    assert.match(answerOf(socket), /less than 1024 bytes a second; .*VITRINE_BYTES_PER_SECOND_MIN/);
  });

  it('is not called slow where its body comes a little faster than it has to', async () => {
    const padded = Buffer.concat([Buffer.alloc(3_000, 0x20), Buffer.from(body)]);
    const socket = await drip(api, padded.length, padded.subarray(0, 1));
    for (let at = 1; at < padded.length; at += 120) {
      socket.write(padded.subarray(at, at + 120));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await waitFor('the answer', () => answerOf(socket).endsWith('}'));
    assert.match(answerOf(socket), /^HTTP\/1\.1 200 /);
  });

  it('is cut off while it does not read its answer, which then takes no memory any more', async () => {
    const socket = await open(api);
    socket.pause();
    const { answers } = api.budgets;
    socket.write(largeCopy());
    await waitFor('the answer to wait', () => answers.taken > 7 * mebibyte);
    await waitFor('it to be cut', () => answers.taken === 0);
    socket.resume();
    await waitFor('the end', () => socket.closed);
  });
});

const mebibyte = 1024 * 1024;
let sockets: Socket[] = [];

async function closeAll(): Promise<void> {
  await Promise.all(sockets.map((socket) => closed(socket)));
  sockets = [];
}

/** Announces so many bytes and sends these. */
async function drip(api: ServedApi, announced: number, bytes: Buffer | string): Promise<Socket> {
  const socket = await open(api);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${announced}\r\n\r\n`);
  socket.write(bytes);
  return socket;
}

async function open(api: ServedApi): Promise<Socket> {
  const socket = connect({ port: api.port, host: '127.0.0.1', localAddress: hostile });
  let told = '';
  socket.on('error', () => undefined).on('data', (chunk) => (told += chunk));
  answers.set(socket, () => told);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** 7.6 MiB there and back, more than the buffers of a connection hold. */
function largeRequest(): { headers: Record<string, string>; body: Buffer } {
  const elements = 2_000_000;
  const parameters = { binary_data_size: 4 * elements };
  const json = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, elements], parameters }],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    headers: { 'Inference-Header-Content-Length': String(json.length) },
    body: Buffer.concat([json, Buffer.alloc(4 * elements)]),
  };
}

function largeCopy(): Buffer {
  const { headers, body: bytes } = largeRequest();
  return post(path, bytes, headers);
}

const answers = new WeakMap<Socket, () => string>();

function answerOf(socket: Socket): string {
  return answers.get(socket)?.() ?? '';
}

async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const done = once(socket, 'close');
  socket.destroy();
  await done;
}
