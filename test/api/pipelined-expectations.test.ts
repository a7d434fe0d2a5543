import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { identity, slow } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { nameOfWay, post, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

const path = '/v2/models/copy/infer';
const good = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });
const invitation = 'HTTP/1.1 100 Continue\r\n\r\n';

for (const way of waysToServe)
  describe(`a caller who waits for 100 Continue, ${nameOfWay(way)}`, () => {
    let api: ServedApi;
    let socket: Socket;
    let told = '';

    before(async () => {
      api = await serveApi(
        { copy: { onnx: identity('FP32') }, slow: { onnx: slow() } },
        { bodyBytesMax: 100_000 },
        way,
      );
    });

    beforeEach(async () => {
      told = '';
      socket = connect(api.port, '127.0.0.1');
      socket.on('error', () => undefined).on('data', (chunk) => (told += chunk));
      await once(socket, 'connect');
    });

    afterEach(() => socket.destroy());

    after(() => api[Symbol.asyncDispose]());

    it('is asked for its body, and the connection goes on', async () => {
      for (let again = 0; again < 2; again += 1) {
        told = '';
        socket.write(expecting(path, good.length));
        await until(() => told === invitation);
        socket.write(good);
        await until(() => told.endsWith('}'));
        assert.match(told.slice(invitation.length), /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(told, /\r\nConnection: keep-alive\r\n/i);
      }
    });

    for (const { what, head, status } of [
      { what: 'a model that does not exist', head: expecting('/v2/models/nothing/infer', 50_000), status: 404 },
      { what: 'a path that does not exist', head: expecting('/nothing', 50_000), status: 404 },
      { what: 'a body over the limit', head: expecting(path, 100_001), status: 413 },
      { what: 'a verb that the path does not take', head: expecting('/live', 10), status: 405 },
      { what: 'an answer that needs no body', head: expecting('/live', 10, 'GET'), status: 200 },
    ])
      it(`is not asked for the body of ${what}: ${status}, and the connection ends`, async () => {
        socket.write(head);
        await until(() => told.endsWith('}'));
        assert.ok(told.startsWith(`HTTP/1.1 ${status} `), told);
        assert.match(told, /\r\nConnection: close\r\n/i);
        assert.ok(!told.includes('100 Continue'));
        socket.end();
        await until(() => socket.closed);
      });

    it('hears no 100 in the middle of the answer to the request before', async () => {
      const wrong = '{"inputs":[';
      // A failure is written as a head and a Buffer after it.
      const second = expecting(path, wrong.length) + wrong;
      socket.write(Buffer.concat([post('/v2/models/slow/infer', slowly(300)), Buffer.from(second), post(path, good)]));
      await until(() => (told.match(/HTTP\/1\.1 [245]\d\d/g) ?? []).length >= 3 && told.endsWith('}'));
      const answers = readAll(told);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 400, 200],
      );
      assert.deepEqual(JSON.parse(answers[2]!.body).outputs[0].data, [1]);
    });

    it('hears its 100 when the answers before have been sent, where its body has not come', async () => {
      socket.write(
        Buffer.concat([post('/v2/models/slow/infer', slowly(300)), Buffer.from(expecting(path, good.length))]),
      );
      await until(() => told.endsWith(invitation));
      assert.equal(readAll(told.slice(0, -invitation.length))[0]?.status, 200);
      socket.write(good);
      await until(() => told.split(invitation)[1]?.endsWith('}') === true);
      assert.match(told.split(invitation)[1]!, /^HTTP\/1\.1 200 OK/);
    });

    it('gets the answers that it would get without waiting, whatever else is on the connection', async () => {
      const failing = post('/v2/models/nothing/infer', '{}');
      const bytes = [failing, Buffer.from(expecting(path, good.length)), Buffer.from(good), failing];
      socket.write(Buffer.concat([...bytes, ...bytes, ...bytes]));
      await until(() => (told.match(/HTTP\/1\.1 [245]\d\d/g) ?? []).length >= 9 && told.endsWith('}'));
      assert.deepEqual(
        readAll(told).map(({ status }) => status),
        [404, 200, 404, 404, 200, 404, 404, 200, 404],
      );
    });

    function until(check: () => boolean): Promise<unknown> {
      return waitFor('the answers', check, { everyMs: 5 }).catch((error: Error) => {
        throw new Error(`It heard ${JSON.stringify(told)}`, { cause: error });
      });
    }
  });

function expecting(to: string, length: number, verb = 'POST'): string {
  return `${verb} ${to} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
}

function slowly(iterations: number): string {
  return JSON.stringify({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
      { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] },
    ],
  });
}

/** Every answer, each by its own length: what stands between two of them is a defect. */
function readAll(text: string): { status: number; body: string }[] {
  const answers: { status: number; body: string }[] = [];
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n');
    const head = /^HTTP\/1\.1 (\d{3}) /.exec(rest);
    assert.ok(head && end > 0, `no head at ${JSON.stringify(rest.slice(0, 100))}`);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(rest.slice(0, end))?.[1] ?? 0);
    const status = Number(head[1]);
    const body = rest.slice(end + 4, end + 4 + length);
    if (status !== 100) answers.push({ status, body });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}
