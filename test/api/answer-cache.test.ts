import assert from 'node:assert/strict';
import { perceptron } from '../../testkit/models/models.ts';
import { copyRequest, type GrpcClient, inferenceClient } from '../grpc/grpc-client.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

const given = { name: 'x', datatype: 'FP32', shape: [1, 64] };

for (const way of waysToServe)
  describe(`remembered answers, ${nameOfWay(way)}`, function () {
    this.timeout(60_000);
    const told = tellSpansHere();
    let api: ServedApi;
    let client: GrpcClient;
    before(async () => {
      api = await serveApi(
        {
          remembers: { onnx: perceptron(), manifest: { cache: {}, batching: { rows_max: 8 } } },
          plain: { onnx: perceptron(), manifest: { batching: { rows_max: 8 } } },
        },
        {},
        way,
      );
      client = inferenceClient(api.grpcPort);
    });
    after(async () => {
      client[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
    });

    const numbers = (value: number) => Float32Array.from({ length: 64 }, (_, at) => value + at / 64);
    const asked = async (model: string, value: number, headers: Record<string, string> = {}) => {
      const json = JSON.stringify({
        inputs: [{ ...given, parameters: { binary_data_size: 256 } }],
        parameters: { binary_data_output: true },
      });
      const response = await api.fetch(`/v2/models/${model}/infer`, {
        method: 'POST',
        headers: { 'Inference-Header-Content-Length': String(json.length), ...headers },
        body: Buffer.concat([Buffer.from(json), Buffer.from(numbers(value).buffer)]),
      });
      assert.equal(response.status, 200);
      return { timing: response.headers.get('server-timing') ?? '', bytes: Buffer.from(await response.arrayBuffer()) };
    };
    const statistics = async (model: string) => {
      const answer = (await (await api.fetch(`/v2/models/${model}/stats`)).json()) as {
        model_stats: { inference_stats: Record<string, { count: number; ns: number }>; inference_count: number }[];
      };
      return answer.model_stats[0]!;
    };

    it('are the same bytes, and named in Server-Timing', async () => {
      const first = await asked('remembers', 1);
      const again = await asked('remembers', 1);
      assert.deepEqual(again.bytes, first.bytes);
      if (!way.observed) return;
      assert.match(first.timing, /,cache;desc="miss"$/);
      assert.match(again.timing, /,cache;desc="hit"$/);
      assert.doesNotMatch((await asked('plain', 1)).timing, /cache/);
    });

    it('are given over gRPC too, whoever asked for them first', async () => {
      await asked('remembers', 2);
      const { answer, metadata } = await client.ask(
        'ModelInfer',
        copyRequest([...numbers(2)], { model_name: 'remembers' }),
      );
      assert.equal(answer.outputs[0].name, 'y');
      if (way.observed) assert.match(String(metadata.get('server-timing')), /cache;desc="hit"/);
    });

    it('are counted in the statistics as Triton counts them', async () => {
      const before = await statistics('remembers');
      for (const _ of [1, 2, 3]) await asked('remembers', 3);
      const after = await statistics('remembers');
      const grown = (name: string) => after.inference_stats[name]!.count - before.inference_stats[name]!.count;
      assert.deepEqual([grown('success'), grown('cache_hit'), grown('cache_miss')], [3, 2, 1]);
      assert.equal(after.inference_count - before.inference_count, 1);
      assert.ok(after.inference_stats.cache_hit!.ns > 0);
      assert.deepEqual((await statistics('plain')).inference_stats.cache_hit, { count: 0, ns: 0 });
    });

    it('are in the configuration as Triton has them', async () => {
      const config = async (model: string) => (await (await api.fetch(`/v2/models/${model}/config`)).json()) as object;
      assert.deepEqual(((await config('remembers')) as { response_cache: object }).response_cache, { enable: true });
      assert.ok(!('response_cache' in (await config('plain'))));
      const { answer } = await client.ask('ModelConfig', { name: 'remembers' });
      assert.equal(answer.config.response_cache.enable, true);
    });

    if (way.observed)
      it('are not given to a request that is profiled, which has to run', async () => {
        await asked('remembers', 5);
        await asked('remembers', 5, { 'x-vitrine-profile': '1', 'x-request-id': 'profiled-5' });
        const record = (await (await api.fetch('/v1/requests/profiled-5')).json()) as { cache: null; batch: object };
        assert.equal(record.cache, null);
        assert.ok(record.batch);
      });

    if (way.observed)
      it('are on the span of their request, and in its record', async () => {
        await asked('remembers', 4);
        await asked('remembers', 4, { 'x-vitrine-trace': '1', 'x-request-id': 'again-4' });
        const record = (await (await api.fetch('/v1/requests/again-4')).json()) as {
          cache: string;
          batch: null;
          stages_ms: Record<string, number>;
          rest_ms: number;
          duration_ms: number;
        };
        assert.equal(record.cache, 'hit');
        assert.equal(record.batch, null);
        const booked = Object.values(record.stages_ms).reduce((sum, ms) => sum + ms, record.rest_ms);
        assert.ok(Math.abs(booked - record.duration_ms) < 0.02, `${booked} of ${record.duration_ms} ms`);
        const spans = told.spans().filter(({ attributes }) => attributes['inference.cache'] === 'hit');
        assert.ok(spans.some(({ attributes }) => attributes['request.id'] === 'again-4'));
      });
  });
