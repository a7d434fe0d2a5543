import assert from 'node:assert/strict';
import { type DataType, dataTypes } from '../../src/engine/tensor.ts';
import { identity, sumAndProduct } from '../../testkit/models/models.ts';
import { malformedLimits, malformedRequests } from './malformed-requests.ts';
import { nameOfWay, post, type ServedApi, sendRaw, serveApi, waysToServe } from './serve-api.ts';

const requests = malformedRequests();
const datatypes = (Object.keys(dataTypes) as DataType[]).filter((datatype) => datatype !== 'FP32');

for (const way of waysToServe)
  describe(`a request that cannot be answered ${nameOfWay(way)}`, () => {
    let api: ServedApi;
    let answered = 0;

    before(async () => {
      api = await serveApi(
        {
          copy: { onnx: identity('FP32') },
          pair: { onnx: sumAndProduct() },
          longs: { onnx: identity('INT64') },
          words: { onnx: identity('BYTES') },
          ...Object.fromEntries(datatypes.map((datatype) => [datatype, { onnx: identity(datatype) }])),
        },
        malformedLimits,
        way,
      );
    });

    after(() => api[Symbol.asyncDispose]());

    for (const { what, bytes, status, code, says } of requests)
      it(`refuses ${what} with ${status}`, async () => {
        const [answer] = await Promise.all([sendRaw(api.port, bytes), inferBeside()]);
        const told = JSON.parse(answer.body) as { error: string; code: string; trace_id: string };
        assert.equal(answer.status, status, answer.body);
        assert.equal(told.code, code, answer.body);
        assert.match(told.error, /^Cannot /);
        assert.match(told.error, says);
        assert.ok(told.error.length < 700, `a message of ${told.error.length} characters`);
        assert.match(told.trace_id, /^[0-9a-f]{32}$/);
      });

    it('is one of at least 150', () => {
      assert.ok(requests.length >= 150, String(requests.length));
    });

    it('hurts no other: requests beside them were all answered', async () => {
      await inferBeside();
      const { models, budget } = { models: api.registry.models(), budget: await heldBytes() };
      assert.ok(models.every(({ state }) => state === 'ready'));
      assert.equal(budget, 'all answered');
    });

    /** A caller who does everything right, at the same time. */
    async function inferBeside(): Promise<void> {
      answered += 1;
      const answer = await api.fetch('/v2/models/copy/infer', {
        method: 'POST',
        body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [answered] }] }),
      });
      const told = (await answer.json()) as { outputs: [{ data: number[] }] };
      assert.deepEqual(told.outputs[0].data, [answered]);
    }

    /** A body as large as the limit is still taken: nothing is held for those that were refused. */
    async function heldBytes(): Promise<string> {
      const elements = 200_000;
      const json = Buffer.from(
        JSON.stringify({
          inputs: [
            { name: 'x', datatype: 'FP32', shape: [1, elements], parameters: { binary_data_size: 4 * elements } },
          ],
        }),
      );
      const body = Buffer.concat([json, Buffer.alloc(4 * elements)]);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () =>
          sendRaw(api.port, [post('/v2/models/copy/infer', body, { 'Inference-Header-Content-Length': json.length })]),
        ),
      );
      return answers.every(({ status }) => status === 200)
        ? 'all answered'
        : answers.map(({ body: told }) => told).join('\n');
    }
  });
