import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { identity, perceptron, slow } from '../../testkit/models/models.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

for (const way of waysToServe)
  describe(`the Open Inference Protocol over HTTP, ${nameOfWay(way)}`, () => {
    let api: ServedApi;

    before(async () => {
      api = await serveApi(
        {
          mlp: { onnx: perceptron() },
          copy: { onnx: identity('FP32') },
          longs: { onnx: identity('INT64') },
          words: { onnx: identity('BYTES') },
          slow: { onnx: slow() },
        },
        {},
        way,
      );
    });

    after(() => api[Symbol.asyncDispose]());

    it('tells what it serves, at /v2 and /v2/', async () => {
      for (const path of ['/v2', '/v2/']) {
        const told = await json(await api.fetch(path));
        assert.equal(told.name, 'vitrine');
        assert.deepEqual(told.extensions, [
          'binary_tensor_data',
          'model_configuration',
          'model_repository',
          'statistics',
          'trace',
          'logging',
          'sequence',
          'schedule_policy',
          'parameters',
        ]);
      }
    });

    it('is live and ready in the protocol’s words and in those of orchestrators', async () => {
      for (const path of [
        '/v2/health/live',
        '/v2/health/ready',
        '/live',
        '/ready',
        '/v2/models/mlp/ready',
        '/v2/models/mlp/versions/1/ready',
      ])
        assert.equal((await api.fetch(path)).status, 200, path);
    });

    it('tells a model’s metadata and configuration, versioned and not', async () => {
      for (const path of ['/v2/models/mlp', '/v2/models/mlp/versions/1', '/v2/models/mlp/']) {
        const told = await json(await api.fetch(path));
        assert.deepEqual(told.inputs, [{ name: 'x', datatype: 'FP32', shape: [-1, 64] }]);
        assert.deepEqual(told.versions, ['1']);
      }
      const config = await json(await api.fetch('/v2/models/mlp/config'));
      assert.equal(config.input[0].data_type, 'TYPE_FP32');
      assert.ok(config.max_batch_size > 0);
    });

    it('infers from JSON, flat and nested, and gives back the id', async () => {
      for (const data of [
        [1, 2, 3, 4],
        [
          [1, 2],
          [3, 4],
        ],
      ]) {
        const answer = await json(
          await api.fetch('/v2/models/copy/infer', {
            method: 'POST',
            body: JSON.stringify({ id: 'mine', inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2], data }] }),
          }),
        );
        assert.deepEqual(answer, {
          model_name: 'copy',
          model_version: '1',
          id: 'mine',
          outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] }],
        });
      }
    });

    it('gives the same in binary as in JSON', async () => {
      const row = Float32Array.from({ length: 64 }, (_, at) => Math.sin(at));
      const input = { name: 'x', datatype: 'FP32', shape: [1, 64] };
      const plain = await json(
        await api.fetch('/v2/models/mlp/versions/1/infer', {
          method: 'POST',
          body: JSON.stringify({ inputs: [{ ...input, data: [...row] }] }),
        }),
      );
      const answer = await api.fetch('/v2/models/mlp/infer', {
        method: 'POST',
        ...binary(
          { parameters: { binary_data_output: true }, inputs: [{ ...input, parameters: { binary_data_size: 256 } }] },
          row,
        ),
      });
      const { head, data } = await parts(answer);
      assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
      assert.deepEqual(head.outputs, [
        { name: 'y', datatype: 'FP32', shape: [1, 10], parameters: { binary_data_size: 40 } },
      ]);
      const outputs = new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + 40));
      assert.deepEqual([...outputs].map(Math.fround), plain.outputs[0].data.map(Math.fround));
    });

    it('takes a raw body for a model with one input', async () => {
      const row = new Float32Array([5, 6, 7]);
      const answer = await api.fetch('/v2/models/copy/infer', {
        method: 'POST',
        body: row,
        headers: { 'Inference-Header-Content-Length': '0' },
      });
      const { head, data } = await parts(answer);
      assert.deepEqual(head.outputs[0].shape, [1, 3]);
      assert.deepEqual(data, Buffer.from(row.buffer));
    });

    it('reads and writes gzip and deflate', async () => {
      const count = 2000;
      const body = JSON.stringify({
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, count], data: Array(count).fill(0.5) }],
      });
      for (const [packing, pack, unpack] of [
        ['gzip', gzipSync, gunzipSync],
        ['deflate', deflateSync, inflateSync],
      ] as const) {
        // fetch would unpack by itself; a raw request shows what was sent.
        const answer = await new Promise<{ packing: string | undefined; bytes: Buffer }>((resolve, reject) => {
          const request = httpRequest(
            `${api.url}/v2/models/copy/infer`,
            { method: 'POST', headers: { 'Content-Encoding': packing, 'Accept-Encoding': packing } },
            (response) => {
              const chunks: Buffer[] = [];
              response.on('data', (chunk: Buffer) => chunks.push(chunk));
              response.on('end', () =>
                resolve({ packing: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
              );
            },
          );
          request.on('error', reject);
          request.end(pack(body));
        });
        assert.equal(answer.packing, packing);
        assert.equal(JSON.parse(unpack(answer.bytes).toString()).outputs[0].data.length, count);
      }
    });

    it('counts Inference-Header-Content-Length before packing', async () => {
      const row = new Float32Array(4000).fill(1.5);
      const { body, headers } = binary(
        {
          inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4000], parameters: { binary_data_size: 16_000 } }],
          outputs: [{ name: 'y', parameters: { binary_data: true } }],
        },
        row,
      );
      const packed = gzipSync(body);
      assert.ok(packed.length < Number(headers['Inference-Header-Content-Length']) + 16_000);
      const { head, data } = await parts(
        await api.fetch('/v2/models/copy/infer', {
          method: 'POST',
          body: packed,
          headers: { ...headers, 'Content-Encoding': 'gzip' },
        }),
      );
      assert.equal(head.outputs[0].parameters.binary_data_size, 16_000);
      assert.deepEqual(data, Buffer.from(row.buffer));
    });

    it('keeps INT64 exact beyond 2^53 all the way through a model', async () => {
      const answer = await api.fetch('/v2/models/longs/infer', {
        method: 'POST',
        body: '{"inputs":[{"name":"x","datatype":"INT64","shape":[1,2],"data":[9007199254740993,-9223372036854775808]}]}',
      });
      assert.match(await answer.text(), /"data":\[9007199254740993,-9223372036854775808\]/);
    });

    it('carries BYTES through a model, in JSON and in binary', async () => {
      const words = ['', 'žlutý kůň', '🜚'.repeat(50)];
      const encoded = Buffer.concat(
        words.map((word) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(Buffer.byteLength(word));
          return Buffer.concat([length, Buffer.from(word)]);
        }),
      );
      const input = { name: 'x', datatype: 'BYTES', shape: [1, 3] };
      const plain = await json(
        await api.fetch('/v2/models/words/infer', {
          method: 'POST',
          body: JSON.stringify({ inputs: [{ ...input, data: words }] }),
        }),
      );
      assert.deepEqual(plain.outputs[0].data, words);
      const { data } = await parts(
        await api.fetch('/v2/models/words/infer', {
          method: 'POST',
          ...binary(
            {
              parameters: { binary_data_output: true },
              inputs: [{ ...input, parameters: { binary_data_size: encoded.length } }],
            },
            encoded,
          ),
        }),
      );
      assert.deepEqual(data, encoded);
    });

    it('answers 504 at once when the time a request gave has passed', async () => {
      const inputs = [
        { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
        { name: 'iterations', datatype: 'INT64', shape: [], data: [5000] },
      ];
      for (const init of [
        { body: JSON.stringify({ parameters: { timeout: 50_000 }, inputs }) },
        { body: JSON.stringify({ inputs }), headers: { 'X-Request-Timeout-Ms': '50' } },
      ]) {
        const answer = await api.fetch('/v2/models/slow/infer', { method: 'POST', ...init });
        assert.equal(answer.status, 504);
        assert.equal((await json(answer)).code, 'caller_deadline_exceeded');
      }
    });

    it('counts what a model did', async () => {
      const before = await json(await api.fetch('/v2/models/mlp/stats'));
      await api.fetch('/v2/models/mlp/infer', {
        method: 'POST',
        body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 64], data: Array(128).fill(0) }] }),
      });
      const after = await json(await api.fetch('/v2/models/mlp/versions/1/stats'));
      assert.equal(after.model_stats[0].inference_count, before.model_stats[0].inference_count + 2);
      const all = await json(await api.fetch('/v2/models/stats'));
      assert.deepEqual(all.model_stats.map((each: { name: string }) => each.name).sort(), [
        'copy',
        'longs',
        'mlp',
        'slow',
        'words',
      ]);
    });

    it('lists, unloads and loads models', async () => {
      const listed = await json(await api.fetch('/v2/repository/index', { method: 'POST' }));
      assert.equal(listed.find((model: { name: string }) => model.name === 'longs').state, 'READY');
      assert.equal((await api.fetch('/v2/repository/models/longs/unload', { method: 'POST' })).status, 200);
      assert.equal((await api.fetch('/v2/models/longs/ready')).status, 503);
      const config = JSON.stringify({ description: 'inline', batching: { rows_max: 3 } });
      const loaded = await api.fetch('/v2/repository/models/longs/load', {
        method: 'POST',
        body: JSON.stringify({ parameters: { config } }),
      });
      assert.equal(loaded.status, 200, await loaded.text());
      assert.equal((await json(await api.fetch('/v2/models/longs/config'))).max_batch_size, 3);
      assert.equal((await api.fetch('/v2/repository/models/nobody/load', { method: 'POST' })).status, 404);
    });

    it('stores trace settings, globally and for a model', async () => {
      const change = (path: string, settings: unknown) =>
        api.fetch(path, { method: 'POST', body: JSON.stringify(settings) });
      assert.equal((await json(await api.fetch('/v2/trace/setting'))).trace_rate, '1000');
      assert.equal((await json(await change('/v2/trace/setting', { trace_rate: '50' }))).trace_rate, '50');
      const ofModel = await json(await change('/v2/models/mlp/trace/setting', { trace_level: ['OFF'], trace_rate: 7 }));
      assert.deepEqual([ofModel.trace_level, ofModel.trace_rate], [['OFF'], '7']);
      assert.equal((await json(await change('/v2/models/mlp/trace/setting', { trace_rate: null }))).trace_rate, '50');
      assert.equal((await change('/v2/models/nobody/trace/setting', {})).status, 404);
      const refused = await change('/v2/trace/setting', { trace_rate: 3, trace_file: '/tmp/x' });
      assert.equal(refused.status, 400);
      assert.equal((await json(await change('/v2/trace/setting', { trace_rate: null }))).trace_rate, '1000');
    });

    it('changes the level of each logger by itself, all or nothing', async () => {
      const change = (settings: unknown) =>
        api.fetch('/v2/logging', { method: 'POST', body: JSON.stringify(settings) });
      const { loggers, log_verbose_level } = await json(await change({ loggers: { app: 'debug', access: 'error' } }));
      assert.deepEqual([loggers, log_verbose_level], [{ app: 'debug', access: 'error', metrics: 'error' }, 1]);
      assert.deepEqual((await json(await change({ loggers: { access: 'warn' } }))).loggers, {
        app: 'debug',
        access: 'warn',
        metrics: 'error',
      });
      for (const wrong of [
        { loggers: { audit: 'error' } },
        { loggers: { app: 'loud' } },
        { loggers: ['app'] },
        { loggers: { app: 'error', access: 'loud' } },
        { log_verbose_level: 0, loggers: { nobody: 'info' } },
      ])
        assert.equal((await change(wrong)).status, 400, JSON.stringify(wrong));
      assert.deepEqual((await json(await api.fetch('/v2/logging'))).loggers, {
        app: 'debug',
        access: 'warn',
        metrics: 'error',
      });
      await change({ loggers: { app: 'error', access: 'error' } });
    });

    it('changes the log level in Triton’s words', async () => {
      const change = (settings: unknown) =>
        api.fetch('/v2/logging', { method: 'POST', body: JSON.stringify(settings) });
      assert.equal(
        (await json(await change({ log_verbose_level: 1, log_warning: true, log_info: true }))).log_verbose_level,
        1,
      );
      const quiet = await json(await change({ log_verbose_level: 0, log_info: false, log_warning: false }));
      assert.deepEqual([quiet.log_info, quiet.log_warning, quiet.log_error], [false, false, true]);
      for (const wrong of [{ log_error: false }, { log_file: '/tmp/x' }, { log_info: 'yes' }, { nothing: 1 }])
        assert.equal((await change(wrong)).status, 400, JSON.stringify(wrong));
    });
  });

// biome-ignore lint/suspicious/noExplicitAny: a wrong member fails the test.
async function json(answer: Response): Promise<any> {
  return answer.json();
}

function binary(
  head: unknown,
  data: ArrayBufferView<ArrayBuffer>,
): { body: Buffer<ArrayBuffer>; headers: Record<string, string> } {
  const words = Buffer.from(JSON.stringify(head));
  return {
    body: Buffer.concat([words, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]),
    headers: { 'Inference-Header-Content-Length': String(words.length) },
  };
}

async function parts(answer: Response) {
  const bytes = Buffer.from(await answer.arrayBuffer());
  const length = Number(answer.headers.get('inference-header-content-length'));
  assert.ok(length > 0, bytes.toString());
  return { head: JSON.parse(bytes.subarray(0, length).toString()), data: bytes.subarray(length) };
}
