import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { SpanStatusCode } from '@opentelemetry/api';
import { gather, perceptron, slow } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { post, readAnswer, type ServedApi, serveApi } from './serve-api.ts';

const infer = '/v2/models/:model/infer';
const gatherInputs = [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [4711] }];

describe('what is told of a request that failed', () => {
  const told = tellSpansHere();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let api: ServedApi;
  const key = 'a-key-of-sixteen-characters';

  before(async () => {
    folder = await temporaryFolder();
    const apiKeysFile = join(folder.path, 'keys.json');
    await writeFile(apiKeysFile, JSON.stringify({ keys: [{ name: 'one', sha256: hash('sha256', key) }] }));
    api = await serveApi(
      { mlp: { onnx: perceptron() }, slow: { onnx: slow() }, gather: { onnx: gather() } },
      { apiKeysFile },
      { observed: true },
    );
  });
  after(async () => {
    await api[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('is the status that the caller was sent, when it was refused while its body still came', async () => {
    const answer = await sendPart({ 'X-Api-Key': 'wrong', 'X-Request-Id': 'refused-early' });
    assert.equal(answer.status, 401);
    await recorded('refused-early', 401, 'unauthorized', 'caller');
    assert.deepEqual(statuses('/v1/separate'), { '401 caller': 1 });
  });

  it('is 400 of its own route, once, when the body broke HTTP', async () => {
    const socket = connect(api.port, '127.0.0.1');
    socket.write(
      `POST /v2/models/mlp/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\nX-Request-Id: broken-chunk\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    socket.write('zz\r\n');
    assert.equal((await readAnswer(socket)).status, 400);
    socket.destroy();
    await recorded('broken-chunk', 400, 'invalid_request', 'caller');
    assert.equal(statuses('unmatched')['400 caller'], undefined);
  });

  it('is 499 when the caller left while its body still came and nothing was decided', async () => {
    const socket = await opened();
    socket.write(partOfForm({ Authorization: `Bearer ${key}`, 'X-Request-Id': 'left-early' }));
    await waitFor('the upload to begin', () => api.fetch('/live').then(({ ok }) => ok));
    socket.destroy();
    await recorded('left-early', 499, 'body_incomplete', 'left');
    assert.equal(statuses('/v1/separate')['499 left'], 1);
  });

  it('is a failure of the caller, where the deadline was the caller’s', async () => {
    for (const [id, headers, parameters] of [
      ['by-header', { 'X-Request-Timeout-Ms': '30' }, undefined],
      ['by-parameter', {}, { timeout: 30_000 }],
    ] as const) {
      const answer = await api.fetch('/v2/models/slow/infer', {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'X-Request-Id': id, ...headers },
        body: JSON.stringify({
          ...(parameters && { parameters }),
          inputs: [
            { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
            { name: 'iterations', datatype: 'INT64', shape: [], data: [5000] },
          ],
        }),
      });
      assert.equal(answer.status, 504);
      await recorded(id, 504, 'caller_deadline_exceeded', 'caller');
    }
    assert.deepEqual(statuses(infer)['504 caller'], 2);
    assert.deepEqual(statuses(infer)['504 server'], undefined);
    const byModel = counted('inferenceRequests', ({ model }) => model === 'slow');
    assert.deepEqual(
      byModel.map(({ labels }) => [labels.status, labels.fault, labels.task ?? '']),
      [['caller_deadline_exceeded', 'caller', '']],
    );
    const errors = counted('errors', ({ endpoint }) => endpoint === infer);
    assert.deepEqual(errors.map(({ labels }) => [labels.type, labels.fault]).sort(), [
      ['caller_deadline_exceeded', 'caller'],
      ['invalid_request', 'caller'],
    ]);
  });

  it('keeps the sentence that the caller was sent, and the shapes of the inputs, in the record: no value, and no name but the model’s', async () => {
    for (const [id, input, sentence] of [
      ['another-shape', { name: 'x', datatype: 'FP32', shape: [1, 3], data: [4711, 4712, 4713] }, /input "?x"?.*64/],
      ['another-name', { name: 'canary', datatype: 'FP32', shape: [1, 3], data: [4711, 4712, 4713] }, /input/],
    ] as const) {
      const answer = await api.fetch('/v2/models/mlp/infer', {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'X-Request-Id': id },
        body: JSON.stringify({ inputs: [input] }),
      });
      assert.equal(answer.status, 400);
      const record = await recorded(id, 400, 'invalid_input', 'caller');
      assert.match(String(record.failure_says), sentence);
      assert.doesNotMatch(JSON.stringify(record), /canary|471[123]/);
    }
  });

  it('marks the span of a run that failed, and says on the trace what the caller was sent, and which shapes it had sent', async () => {
    const answer = await api.fetch('/v2/models/gather/infer', {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'X-Request-Id': 'failed-run' },
      body: JSON.stringify({ inputs: gatherInputs }),
    });
    assert.equal(answer.status, 500);
    const record = await recorded('failed-run', 500, 'inference_failed', 'server');
    assert.deepEqual(
      record.inputs,
      gatherInputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    );
    assert.match(String(record.failure_says), /^Cannot run model gather on .*Gather/);
    assert.doesNotMatch(JSON.stringify(record), /4711/);
    const spans = told.spans().filter((span) => span.spanContext().traceId === record.trace_id);
    const run = spans.find(({ name }) => name === 'inference.run');
    assert.deepEqual(run?.status, { code: SpanStatusCode.ERROR, message: 'failed' });
    const server = spans.find(({ name }) => name === `POST ${infer}`);
    assert.equal(server?.attributes['error.message'], record.failure_says);
    assert.deepEqual(
      server?.attributes['inference.input.shapes'],
      gatherInputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape}]`),
    );
  });

  it('lists the failures of the server, or of callers, by themselves', async () => {
    const list = async (fault: string) => {
      const answer = await api.fetch(`/v1/requests?failed=100&fault=${fault}`, {
        headers: { Authorization: `Bearer ${key}` },
      });
      return { status: answer.status, ...((await answer.json()) as { requests?: { request_id: string }[] }) };
    };
    const ids = (await list('caller')).requests?.map(({ request_id }) => request_id) ?? [];
    assert.ok(ids.includes('by-header') && !ids.includes('left-early'), String(ids));
    assert.ok((await list('left')).requests?.some(({ request_id }) => request_id === 'left-early'));
    assert.deepEqual(
      (await list('server')).requests?.map(({ request_id }) => request_id),
      ['failed-run'],
    );
    assert.equal((await list('nobody')).status, 400);
  });

  function counted(
    name: 'httpRequests' | 'inferenceRequests' | 'errors',
    where: (labels: Record<string, string>) => boolean,
  ) {
    const points = api.meter.counter(name).points();
    return points.filter(({ labels, value }) => where(labels) && value > 0);
  }

  /** How often each status of a route was exported, and whose failure it was. */
  function statuses(route: string): Record<string, number> {
    return Object.fromEntries(
      counted('httpRequests', ({ endpoint }) => endpoint === route).map(({ labels, value }) => [
        `${labels.status} ${labels.fault ?? ''}`,
        value,
      ]),
    );
  }

  async function recorded(
    id: string,
    status: number,
    failure: string,
    fault: string,
  ): Promise<{ [name: string]: unknown }> {
    const record = await waitFor(
      `the record of ${id}`,
      async () => {
        const answer = await api.fetch(`/v1/requests/${id}`, { headers: { Authorization: `Bearer ${key}` } });
        if (answer.ok) return (await answer.json()) as Record<string, unknown>;
        // Who was not let in is nobody's tenant: what was counted says it.
        return (
          id === 'refused-early' && statuses('/v1/separate')[`${status} ${fault}`] === 1 && { status, failure, fault }
        );
      },
      { everyMs: 10 },
    );
    assert.deepEqual([record.status, record.failure, record.fault], [status, failure, fault]);
    return record;
  }

  async function opened(): Promise<Socket> {
    const socket = connect(api.port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  /** A form whose end does not come; the caller leaves when it has read its answer. */
  async function sendPart(headers: Record<string, string>) {
    const socket = await opened();
    socket.on('error', () => socket.destroy());
    socket.write(partOfForm(headers));
    const answer = await readAnswer(socket);
    socket.destroy();
    return answer;
  }

  function partOfForm(headers: Record<string, string>): Buffer {
    return post('/v1/separate', Buffer.alloc(200_000), {
      'Content-Type': 'multipart/form-data; boundary=b',
      'Content-Length': 3_000_000,
      ...headers,
    });
  }
});
