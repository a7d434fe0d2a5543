import assert from 'node:assert/strict';
import { identity, runningTotal, sumAndProduct } from '../../testkit/models/models.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

/** Larger bodies are read in a thread, and larger outputs written there. */
const jsonInlineBytesMax = 32 * 1024;
const state = { tensors: [{ output: 'total_after', input: 'total' }] };
const models = {
  texts: { onnx: identity('BYTES') },
  numbers: { onnx: identity('FP32') },
  whole: { onnx: identity('INT64') },
  two: { onnx: sumAndProduct() },
  total: { onnx: runningTotal(), manifest: { state } },
};

for (const way of waysToServe)
  describe(`Triton’s generate, ${nameOfWay(way)}`, () => {
    let api: ServedApi;
    before(async () => {
      api = await serveApi(models, { jsonInlineBytesMax, textsMax: 8 }, way);
    });
    after(() => api[Symbol.asyncDispose]());

    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      api.fetch(`/v2/models/${path}`, {
        method: 'POST',
        headers,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const generate = async (path: string, body: unknown) => {
      const response = await post(path, body);
      const answer = (await response.json()) as Record<string, unknown>;
      return response.status === 200 ? answer : `${response.status} ${answer.code}: ${answer.error}`;
    };
    const of = (name: string) => ({ model_name: name, model_version: '1' });

    it('takes a value for an input, and answers a value where an output has one', async () => {
      assert.deepEqual(await generate('texts/generate', { x: 'a \u2028 „text“' }), {
        ...of('texts'),
        y: 'a \u2028 „text“',
      });
      assert.deepEqual(await generate('numbers/versions/1/generate', { id: '7', x: -2.5 }), {
        ...of('numbers'),
        id: '7',
        y: -2.5,
      });
    });

    it('takes an array for an input, flat or nested, and answers a flat one', async () => {
      assert.deepEqual(await generate('numbers/generate', { x: [1, 2, 3] }), { ...of('numbers'), y: [1, 2, 3] });
      const rows = [[1, 2], [3, 4]]; // biome-ignore format: a matrix
      assert.deepEqual(await generate('numbers/generate', { x: rows }), { ...of('numbers'), y: [1, 2, 3, 4] });
      assert.deepEqual(await generate('two/generate', { a: [1, 2], b: [3, 4] }), {
        ...of('two'),
        sum: [4, 6],
        product: [3, 8],
      });
    });

    it('keeps all digits of whole numbers', async () => {
      const response = await post('whole/generate', '{"y":1,"x":[9007199254740993,-9223372036854775808]}');
      assert.match(await response.text(), /"y":\[9007199254740993,-9223372036854775808\]/);
      const scalar = await post('whole/generate', '{"x" : 9007199254740995 }');
      assert.match(await scalar.text(), /"y":9007199254740995\}/);
    });

    it('takes what names no input as a parameter, as it takes those of parameters', async () => {
      const parameters = { priority: 1, timeout: 30_000_000 };
      assert.deepEqual(await generate('texts/generate', { x: 'a', stream: false, temperature: 0.5, parameters }), {
        ...of('texts'),
        y: 'a',
      });
      assert.match(
        String(await generate('texts/generate', { x: 'a', priority: 'high' })),
        /^400 invalid_body: .*priority/,
      );
    });

    it('belongs to a sequence as an inference does', async () => {
      for (const [at, total] of [1, 3, 6].entries()) {
        const parameters = { sequence_id: 5, sequence_start: at === 0, sequence_end: at === 2 };
        const answer = await generate('total/generate', { x: at + 1, divisor: 1, parameters });
        assert.deepEqual(answer, { ...of('total'), y: total });
      }
    });

    it('reads what is large in a thread, and writes it there', async () => {
      const many = Array.from({ length: 20_000 }, (_, at) => at + 0.5);
      for (const path of ['numbers/generate', 'numbers/generate_stream']) {
        const text = await (await post(path, { x: many })).text();
        assert.deepEqual((JSON.parse(text.replace(/^data: /, '')) as { y: number[] }).y, many);
      }
    });

    it('streams the answer as an event, and what is refused before as JSON', async () => {
      const response = await post('texts/generate_stream', { x: 'a\nb' }, { 'Accept-Encoding': 'gzip' });
      assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
      assert.equal(await response.text(), 'data: {"model_name":"texts","model_version":"1","y":"a\\nb"}\n\n');
      const refused = await post('texts/generate_stream', { z: 'a' });
      assert.equal(refused.status, 400);
      assert.match(refused.headers.get('content-type')!, /^application\/json/);
    });

    it('refuses what does not fit in a sentence', async () => {
      for (const [path, body, expected] of [
        ['texts/generate', {}, /^400 invalid_input: .*the input "x" is missing/],
        ['texts/generate', [], /^400 invalid_body: .*the JSON is an array; an object is wanted/],
        ['texts/generate', { x: 1 }, /^400 invalid_body: .*x/],
        ['texts/generate', { x: 'a', wrong: [1] }, /^400 invalid_body: .*"wrong" is an array, and texts has no input/],
        ['texts/generate', { x: Array(9).fill('a') }, /^400 invalid_body: .*more than the 8 texts .*VITRINE_TEXTS_MAX/],
        ['numbers/generate', { x: [[[1]]] }, /^400 invalid_body: .*x is nested 3 deep/],
        ['numbers/generate', { x: [[1, 2], [3]] }, /^400 invalid_body: .*x/],
        ['numbers/generate', { x: 'one' }, /^400 invalid_body: .*x/],
        ['numbers/generate', { x: 1, parameters: 5 }, /^400 invalid_body: .*parameters is a number/],
        ['numbers/generate', { x: 1, id: 5 }, /^400 invalid_body: .*id is a number/],
        ['two/generate', { a: [1, 2], b: [1, 2, 3] }, /^400 invalid_input/],
        ['nowhere/generate', { x: 1 }, /^404 model_not_found/],
      ] as const)
        assert.match(String(await generate(path, body)), expected);
      assert.equal((await api.fetch('/v2/models/texts/generate')).status, 405);
    });
  });
