import assert from 'node:assert/strict';
import fc from 'fast-check';
import { identity } from '../../testkit/models/models.ts';
import { nameOfWay, post, type RawAnswer, type ServedApi, sendRaw, serveApi, waysToServe } from './serve-api.ts';

// FUZZ_RUNS=10000 mocha test/api/fuzzed-requests.test.ts looks for longer.
const numRuns = Number(process.env.FUZZ_RUNS ?? 150);
const path = '/v2/models/copy/infer';

for (const way of waysToServe)
  describe(`a request made up at random ${nameOfWay(way)}`, function () {
    this.timeout(600_000);
    let api: ServedApi;

    before(async () => {
      api = await serveApi(
        { copy: { onnx: identity('FP32') }, words: { onnx: identity('BYTES') } },
        { bodyIdleMsMax: 200, headersMsMax: 300, bodyBytesMax: 1 << 20 },
        way,
      );
    });

    after(() => api[Symbol.asyncDispose]());

    it('is answered or refused in the protocol’s words, whatever its JSON says', async () => {
      const value = fc.oneof(
        fc.jsonValue(),
        fc.constantFrom('FP32', 'INT64', 'BYTES', 'x', 1, -1, 2 ** 53, 1e300, [], [1, 2]),
      );
      const tensor = fc.record(
        {
          name: fc.oneof(fc.constant('x'), value),
          datatype: fc.oneof(fc.constantFrom('FP32', 'INT64', 'BYTES', 'BOOL'), value),
          shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 4 }), value),
          data: fc.oneof(fc.array(value, { maxLength: 8 }), value),
          parameters: fc.oneof(fc.record({ binary_data_size: value }), value),
        },
        { requiredKeys: [] },
      );
      const request = fc.record(
        {
          id: value,
          inputs: fc.oneof(fc.array(tensor, { maxLength: 3 }), value),
          outputs: fc.oneof(
            fc.array(fc.record({ name: fc.oneof(fc.constant('y'), value), parameters: value }, { requiredKeys: [] }), {
              maxLength: 3,
            }),
            value,
          ),
          parameters: fc.oneof(
            fc.record({ priority: value, timeout: value, binary_data_output: value }, { requiredKeys: [] }),
            value,
          ),
        },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(request, async (made) => holds(await sendRaw(api.port, [post(path, JSON.stringify(made))]))),
        { numRuns },
      );
    });

    it('is answered or refused when the bytes of a good one are changed', async () => {
      const json = Buffer.from(
        '{"id":"a","inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"parameters":{"binary_data_size":16}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}',
      );
      const good = post(path, Buffer.concat([json, Buffer.alloc(16)]), {
        'Inference-Header-Content-Length': json.length,
      });
      const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
          const bytes = Buffer.from(good);
          for (const { at, byte } of changes) bytes[at] = byte;
          holds(await sendRaw(api.port, [bytes, '\r\n\r\n']));
        }),
        { numRuns },
      );
    });

    it('is answered or refused when the bytes of BYTES are anything', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.nat(6), async (data, count) => {
          const json = Buffer.from(
            JSON.stringify({
              inputs: [
                { name: 'x', datatype: 'BYTES', shape: [1, count], parameters: { binary_data_size: data.length } },
              ],
            }),
          );
          const bytes = post('/v2/models/words/infer', Buffer.concat([json, data]), {
            'Inference-Header-Content-Length': json.length,
          });
          holds(await sendRaw(api.port, [bytes]));
        }),
        { numRuns },
      );
    });
  });

function holds({ status, body }: RawAnswer): void {
  if (status === 200) return;
  // 503 and 504: made-up priorities and time limits may ask for what cannot be had; nothing may be a
  // defect.
  assert.ok((status >= 400 && status < 500) || status === 504, `${status} ${body}`);
  const told = JSON.parse(body) as { error: string; code: string; trace_id: string };
  assert.match(told.error, /^Cannot /);
  assert.match(told.trace_id, /^[0-9a-f]{32}$/);
}
