import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { identity, slow } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { nameOfWay, post, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

for (const way of waysToServe)
  describe(`a connection that is kept, ${nameOfWay(way)}`, () => {
    it('carries one answer after the other, each with a whole head', async () => {
      await using api = await serveApi({ copy: { onnx: identity('FP32') } }, {}, way);
      using caller = new Caller(api);
      for (let count = 0; count < 3; count += 1) {
        const { head, body } = await caller.ask(copyOf([count, 1.5], { 'X-Request-Id': `mine-${count}` }));
        assert.match(head[0]!, /^HTTP\/1\.1 200 OK$/);
        const headers = new Headers(head.slice(1).map((line) => line.split(': ', 2) as [string, string]));
        assert.equal(headers.get('x-request-id'), `mine-${count}`);
        assert.match(headers.get('traceresponse')!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        assert.match(headers.get('ratelimit')!, /^"infer";r=\d+;t=\d+$/);
        assert.equal(headers.get('content-type'), 'application/json');
        assert.equal(headers.get('connection'), 'keep-alive');
        assert.equal(headers.get('keep-alive'), 'timeout=75');
        const date = headers.get('date')!;
        assert.equal(new Date(date).toUTCString(), date);
        assert.ok(Math.abs(Date.parse(date) - Date.now()) < 10_000, date);
        assert.deepEqual(JSON.parse(body).outputs[0].data, [count, 1.5]);
      }
    });

    it('carries requests that were sent before the first was answered, and answers them in their order', async () => {
      await using api = await serveApi({ copy: { onnx: identity('FP32') }, slow: { onnx: slow() } }, {}, way);
      using caller = new Caller(api);
      caller.send(Buffer.concat([slowly(200), copyOf([1]), copyOf([2])]));
      const bodies = [await caller.answer(), await caller.answer(), await caller.answer()].map(({ body }) => body);
      assert.match(bodies[0]!, /"slow"/);
      assert.deepEqual(JSON.parse(bodies[1]!).outputs[0].data, [1]);
      assert.deepEqual(JSON.parse(bodies[2]!).outputs[0].data, [2]);
    });

    it('ends with its answer when the caller says so, speaks HTTP/1.0, or the service is stopping', async () => {
      await using api = await serveApi({ copy: { onnx: identity('FP32') } }, {}, way);
      const asked = copyOf([1], { Connection: 'close' });
      const old = Buffer.from(copyOf([1]).toString('latin1').replace('HTTP/1.1', 'HTTP/1.0'), 'latin1');
      for (const bytes of [asked, old]) await endsWithItsAnswer(api, bytes);
      api.lifecycle.beginStop();
      await endsWithItsAnswer(api, copyOf([1]));
    });

    it('is closed when it has been silent for its time after an answer', async () => {
      await using api = await serveApi({ copy: { onnx: identity('FP32') } }, { keepAliveMs: 100 }, way);
      using caller = new Caller(api);
      await caller.ask(copyOf([1]));
      const answeredAt = performance.now();
      await caller.closed;
      // The extra second for a client that counts on the limit.
      assert.ok(performance.now() - answeredAt >= 1_000);
    });

    it('is not closed while a request on it runs or arrives, however long', async () => {
      const limits = { keepAliveMs: 100, headersMsMax: 60_000 };
      await using api = await serveApi({ slow: { onnx: slow() } }, limits, way);
      using caller = new Caller(api);
      using silent = new Caller(api);
      const first = await caller.ask(slowly(1));
      assert.match(first.head[0]!, / 200 /);
      const startedAt = performance.now();
      // Until such a run is longer than the limit and its grace: how long a round takes is the machine's
      // to say.
      for (let rounds = 8_000; performance.now() - startedAt < 1_500; rounds *= 2) {
        const { head } = await caller.ask(slowly(rounds));
        assert.match(head[0]!, / 200 /);
      }
      // What has never been answered has another limit, that of its headers.
      assert.match((await silent.ask(slowly(1))).head[0]!, / 200 /);
    });

    it('is not ended by the limit of an answer before, which its caller was slow to read', async () => {
      const limits = { bodyIdleMsMax: 400, inferMsMax: 60_000 };
      await using api = await serveApi({ copy: { onnx: identity('FP32') }, slow: { onnx: slow() } }, limits, way);
      using caller = new Caller(api);
      caller.stopReading();
      const count = 2 ** 20;
      const json = JSON.stringify({
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, count], parameters: { binary_data_size: 4 * count } }],
        parameters: { binary_data_output: true },
      });
      const headers = { 'Inference-Header-Content-Length': json.length };
      caller.send(post('/v2/models/copy/infer', Buffer.concat([Buffer.from(json), Buffer.alloc(4 * count)]), headers));
      await waitFor('the answer to fill what the caller does not read', () => caller.isFilled, { everyMs: 5 });
      caller.read();
      assert.equal((await caller.answer()).body.length > 4 * count, true);
      const startedAt = performance.now();
      for (let rounds = 4_000; performance.now() - startedAt < 1_000; rounds *= 2) {
        const { head } = await caller.ask(slowly(rounds));
        assert.match(head[0]!, / 200 /);
      }
    });
  });

async function endsWithItsAnswer(api: ServedApi, bytes: Buffer): Promise<void> {
  using caller = new Caller(api);
  const { head, body } = await caller.ask(bytes);
  assert.ok(head.includes('Connection: close'), head.join());
  assert.ok(!head.some((line) => line.startsWith('Keep-Alive')), head.join());
  assert.match(body, /"outputs"/);
  await caller.closed;
}

function copyOf(values: readonly number[], headers: Record<string, string> = {}): Buffer {
  const input = { name: 'x', datatype: 'FP32', shape: [1, values.length], data: values };
  return post('/v2/models/copy/infer', JSON.stringify({ inputs: [input] }), headers);
}

function slowly(rounds: number): Buffer {
  const inputs = [
    { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
    { name: 'iterations', datatype: 'INT64', shape: [], data: [rounds] },
  ];
  return post('/v2/models/slow/infer', JSON.stringify({ inputs }));
}

/** One connection, seen as bytes. */
class Caller {
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;
  #received = '';

  constructor(api: ServedApi) {
    this.#socket = connect(api.port, '127.0.0.1');
    this.#socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
    });
    this.closed = once(this.#socket, 'close');
  }

  /** The system holds what was sent and not read, and takes no more. */
  get isFilled(): boolean {
    return this.#socket.isPaused() && this.#socket.bytesWritten > 4 * 2 ** 20 && this.#socket.writableLength === 0;
  }

  stopReading(): void {
    this.#socket.pause();
  }

  read(): void {
    this.#socket.resume();
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  ask(bytes: Buffer): Promise<{ head: string[]; body: string }> {
    this.send(bytes);
    return this.answer();
  }

  /** The next one. */
  answer(): Promise<{ head: string[]; body: string }> {
    return waitFor(
      'an answer',
      () => {
        const headEnd = this.#received.indexOf('\r\n\r\n');
        if (headEnd < 0) return undefined;
        const head = this.#received.slice(0, headEnd).split('\r\n');
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1]);
        const end = headEnd + 4 + length;
        if (this.#received.length < end) return undefined;
        const body = this.#received.slice(headEnd + 4, end);
        this.#received = this.#received.slice(end);
        return { head, body };
      },
      { everyMs: 2 },
    );
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
