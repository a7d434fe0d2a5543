import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { identity } from '../fixtures/models/models.ts';
import { waitFor } from '../support/wait-for.ts';
import { post, type ServedApi, sendRaw, serveApi } from './serve-api.ts';

const path = '/v2/models/copy/infer';
const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });

// Without keys each address is a client: the caller who does wrong has one of its own.
const hostile = '127.0.0.2';

describe('what all clients share', () => {
  let api: ServedApi;
  let sockets: Socket[] = [];

  before(async () => {
    api = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { modelInFlightMax: 64, bodyIdleMsMax: 60_000, slowAfterMs: 60_000 },
    );
  });

  afterEach(async () => {
    await Promise.all(sockets.map((socket) => closed(socket)));
    sockets = [];
  });

  after(() => api[Symbol.asyncDispose]());

  it('is charged by what has arrived: 8 bodies of 64 MiB that were only announced take nothing from others', async () => {
    for (let at = 0; at < 8; at += 1) await drip(64 * 1024 * 1024, Buffer.alloc(138 - 8, 0x20));
    await answeredWhileOthersDrip();
  });

  it('leaves a model usable while one client drips into every place that it can get', async () => {
    // Each waits for a body that does not come; those beyond what one client may have are refused.
    for (let at = 0; at < 64; at += 1) await drip(100, '{');
    const refused = await waitFor('the refusals', () => {
      const told = sockets.map(answerOf).filter((answer) => answer.endsWith('}'));
      return told.length >= 16 && told;
    });
    assert.match(refused[0]!, /^HTTP\/1\.1 429 .*"code":"share_used"/s);
    assert.match(refused[0]!, /\r\nRetry-After: 1\r\n/);
    assert.equal(refused.length, 16);
    await answeredWhileOthersDrip();
  });

  it('is given back when a client leaves', async () => {
    for (let again = 0; again < 3; again += 1) {
      for (let at = 0; at < 48; at += 1) await drip(100, '{');
      await Promise.all(sockets.map((socket) => closed(socket)));
      sockets = [];
    }
    await waitFor('a place', async () => {
      const { status } = await sendRaw(api.port, [post(path, body)], { localAddress: hostile });
      return status === 200;
    });
  });

  async function answeredWhileOthersDrip(): Promise<void> {
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendRaw(api.port, [post(path, body)])));
    assert.deepEqual(
      answers.map(({ status, body: told }) => (status === 200 ? 200 : told)),
      Array(8).fill(200),
    );
  }

  /** Announces so many bytes and sends these. */
  async function drip(announced: number, bytes: Buffer | string): Promise<void> {
    const socket = await open();
    socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${announced}\r\n\r\n`);
    socket.write(bytes);
  }

  async function open(): Promise<Socket> {
    const socket = connect({ port: api.port, host: '127.0.0.1', localAddress: hostile });
    let told = '';
    socket.on('error', () => undefined).on('data', (chunk) => (told += chunk));
    answers.set(socket, () => told);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }
});

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
