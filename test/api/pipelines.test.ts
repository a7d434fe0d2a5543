import assert from 'node:assert/strict';
import { perceptron, slow } from '../../testkit/models/models.ts';
import { copyRequest, type GrpcClient, inferenceClient } from '../grpc/grpc-client.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

const batching = { rows_max: 8 };
const pipeline = {
  description: 'Chances of ten classes.',
  inputs: [{ name: 'pixels', datatype: 'FP32', shape: ['rows', 64] }],
  steps: [
    { name: 'classify', model: 'perceptron', inputs: { x: 'pixels' }, outputs: { y: 'scores' } },
    { name: 'chances', operation: 'softmax', inputs: { x: 'scores' }, outputs: { y: 'chances' } },
  ],
  outputs: ['chances'],
};
const slowly = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [4] },
    { name: 'iterations', datatype: 'INT64', shape: [] },
  ],
  steps: [
    { name: 'first', model: 'slow', inputs: { x: 'x', iterations: 'iterations' }, outputs: { y: 'a' } },
    { name: 'second', model: 'slow', inputs: { x: 'a', iterations: 'iterations' }, outputs: { y: 'b' } },
  ],
  outputs: ['b'],
};
const models = {
  perceptron: { onnx: perceptron(), manifest: { batching } },
  slow: { onnx: slow(), manifest: { lanes: { kind: 'process', stuck_after_ms: 100 } } },
  pipeline: { manifest: pipeline },
  slowly: { manifest: slowly },
};

/** Two seconds or more for each step. */
const slowInputs = [
  { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
  { name: 'iterations', datatype: 'INT64', shape: [], data: [10_000] },
];

type Step = {
  name: string;
  model: string | null;
  operation: string | null;
  run_ms: number;
  failure: string | null;
  batch: object | null;
};
type FlightAnswer = {
  steps: Step[];
  model: string;
  stages_ms: Record<string, number>;
  rest_ms: number;
  duration_ms: number;
};

for (const way of waysToServe)
  describe(`a pipeline, ${nameOfWay(way)}`, function () {
    this.timeout(60_000);
    const told = tellSpansHere();
    let api: ServedApi;
    let client: GrpcClient;
    before(async () => {
      api = await serveApi(models, {}, way);
      client = inferenceClient(api.grpcPort);
    });
    after(async () => {
      client[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
    });

    const pixels = Array.from({ length: 64 }, (_, at) => Math.cos(at));
    const ask = (model: string, inputs: unknown, headers: Record<string, string> = {}) =>
      api.fetch(`/v2/models/${model}/infer`, { method: 'POST', headers, body: JSON.stringify({ inputs }) });
    const given = { name: 'pixels', datatype: 'FP32', shape: [1, 64] };
    const get = async (path: string) => (await (await api.fetch(path)).json()) as Record<string, never>;
    const chances = async () => {
      const response = await ask('pipeline', [{ ...given, data: pixels }]);
      assert.equal(response.status, 200);
      const { outputs, model_name } = (await response.json()) as {
        model_name: string;
        outputs: { name: string; shape: number[]; data: number[] }[];
      };
      assert.deepEqual([model_name, outputs[0]!.name, outputs[0]!.shape], ['pipeline', 'chances', [1, 10]]);
      return outputs[0]!.data;
    };

    it('is asked as a model is: with JSON, with binary data and over gRPC', async () => {
      const expected = await chances();
      assert.ok(Math.abs(expected.reduce((sum, one) => sum + one, 0) - 1) < 1e-5);
      const json = JSON.stringify({
        inputs: [{ ...given, parameters: { binary_data_size: 256 } }],
        parameters: { binary_data_output: true },
      });
      const response = await api.fetch('/v2/models/pipeline/infer', {
        method: 'POST',
        headers: { 'Inference-Header-Content-Length': String(json.length) },
        body: Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.from(pixels).buffer)]),
      });
      const bytes = await response.arrayBuffer();
      const binary = new Float32Array(bytes.slice(bytes.byteLength - 40));
      assert.deepEqual([...binary], expected.map(Math.fround));
      const { answer } = await client.ask(
        'ModelInfer',
        copyRequest(pixels, { model_name: 'pipeline', inputs: [{ ...given }] }),
      );
      assert.deepEqual([...new Float32Array(Uint8Array.from(answer.raw_output_contents[0]).buffer)], [...binary]);
    });

    it('is described as Triton describes an ensemble', async () => {
      const metadata = await get('/v2/models/pipeline');
      assert.equal(metadata.platform, 'ensemble');
      assert.deepEqual(metadata.inputs, [{ name: 'pixels', datatype: 'FP32', shape: [-1, 64] }]);
      assert.deepEqual(metadata.outputs, [{ name: 'chances', datatype: 'FP32', shape: [-1, 10] }]);
      const config = await get('/v2/models/pipeline/config');
      const step = {
        model_name: 'perceptron',
        model_version: -1,
        input_map: { x: 'pixels' },
        output_map: { y: 'scores' },
      };
      assert.deepEqual([config.platform, config.ensemble_scheduling], ['ensemble', { step: [step] }]);
      const { answer } = await client.ask('ModelConfig', { name: 'pipeline' });
      assert.equal(answer.config.platform, 'ensemble');
      assert.equal(answer.config.ensemble_scheduling.step[0].model_name, 'perceptron');
      const index = (await (await api.fetch('/v2/repository/index', { method: 'POST', body: '{}' })).json()) as {
        name: string;
        state: string;
        vitrine: { steps: object[] };
      }[];
      const row = index.find(({ name }) => name === 'pipeline')!;
      assert.equal(row.state, 'READY');
      assert.deepEqual(row.vitrine.steps, [
        { name: 'classify', model: 'perceptron' },
        { name: 'chances', operation: 'softmax' },
      ]);
      assert.equal((await api.fetch('/v2/models/pipeline/ready')).status, 200);
    });

    it('is counted in the statistics, and its models in theirs', async () => {
      const countOf = async (model: string) => {
        const { model_stats: stats } = (await get(`/v2/models/${model}/stats`)) as unknown as {
          model_stats: { inference_count: number; inference_stats: { success: { count: number } } }[];
        };
        return [stats[0]!.inference_count, stats[0]!.inference_stats.success.count];
      };
      const [before, inner] = [await countOf('pipeline'), await countOf('perceptron')];
      await chances();
      assert.deepEqual(
        await countOf('pipeline'),
        before.map((count) => count + 1),
      );
      assert.deepEqual(
        await countOf('perceptron'),
        inner.map((count) => count + 1),
      );
    });

    it('answers the failures of its callers with their status', async () => {
      const wrong = await ask('pipeline', [{ ...given, shape: [1, 63], data: pixels.slice(1) }]);
      assert.equal(wrong.status, 400);
      const late = await ask('slowly', slowInputs, {
        'x-request-timeout-ms': '1000',
      });
      assert.equal(late.status, 504);
      assert.equal(((await late.json()) as { code: string }).code, 'caller_deadline_exceeded');
      const profiled = await ask('pipeline', [{ ...given, data: pixels }], { 'x-vitrine-profile': '1' });
      assert.equal(profiled.status, way.observed ? 400 : 200);
    });

    it('is not there while its model is unloaded', async () => {
      const change = (model: string, what: string) =>
        api.fetch(`/v2/repository/models/${model}/${what}`, { method: 'POST', body: '{}' });
      assert.equal((await change('perceptron', 'unload')).status, 200);
      const response = await ask('pipeline', [{ ...given, data: pixels }]);
      assert.equal(response.status, 503);
      assert.match(((await response.json()) as { error: string }).error, /step "classify" needs model perceptron/);
      assert.equal((await api.fetch('/v2/models/pipeline/ready')).status, 503);
      assert.equal((await change('perceptron', 'load')).status, 200);
      await chances();
    });

    it('can be loaded with the configuration of an ensemble', async () => {
      const config = {
        platform: 'ensemble',
        max_batch_size: 4,
        input: [{ name: 'A', data_type: 'TYPE_FP32', dims: [64] }],
        output: [{ name: 'B', data_type: 'TYPE_FP32', dims: [10] }],
        ensemble_scheduling: {
          step: [{ model_name: 'perceptron', model_version: -1, input_map: { x: 'A' }, output_map: { y: 'B' } }],
        },
      };
      const load = (parameters: object) =>
        api.fetch('/v2/repository/models/pipeline/load', { method: 'POST', body: JSON.stringify({ parameters }) });
      assert.equal((await load({ config: JSON.stringify(config) })).status, 200);
      const rows = (count: number) =>
        ask('pipeline', [{ name: 'A', datatype: 'FP32', shape: [count, 64], data: new Array(64 * count).fill(1) }]);
      assert.equal((await rows(4)).status, 200);
      assert.equal((await rows(5)).status, 400);
      const wrong = { ...config, output: [{ name: 'B', data_type: 'TYPE_FP32', dims: [11] }] };
      const refused = await load({ config: JSON.stringify(wrong) });
      assert.equal(refused.status, 422);
      assert.match(((await refused.json()) as { error: string }).error, /output "B" is to be FP32 \[-1,11\]/);
      assert.equal((await load({})).status, 200);
      await chances();
    });

    if (!way.observed) return;

    it('has a record and a trace that say its steps, and an account that closes', async () => {
      const id = `steps-${way.httpExchange}`;
      const headers = { 'x-vitrine-trace': '1', 'x-request-id': id };
      assert.equal((await ask('pipeline', [{ ...given, data: pixels }], headers)).status, 200);
      const record = (await get(`/v1/requests/${id}`)) as unknown as FlightAnswer;
      assert.deepEqual(
        record.steps.map(({ name, model, operation }) => [name, model, operation]),
        [
          ['classify', 'perceptron', null],
          ['chances', null, 'softmax'],
        ],
      );
      assert.ok(record.steps[0]!.batch);
      assert.ok(record.stages_ms.run! > 0);
      const booked = Object.values(record.stages_ms).reduce((sum, ms) => sum + ms, record.rest_ms);
      assert.ok(Math.abs(booked - record.duration_ms) < 0.02, `${booked} of ${record.duration_ms} ms`);
      const spans = told.spans();
      const request = spans.find(({ attributes }) => attributes['request.id'] === id)!;
      const steps = spans.filter(({ name }) => name === 'pipeline.step');
      assert.deepEqual(
        steps.map(({ attributes }) => attributes['pipeline.step.name']),
        ['classify', 'chances'],
      );
      for (const step of steps) {
        assert.equal(step.parentSpanContext?.spanId, request.spanContext().spanId);
        assert.equal(step.spanContext().traceId, request.spanContext().traceId);
      }
      assert.equal(steps[0]!.links.length, 1);
      const why = (await get(`/v1/requests/${id}/why`)) as unknown as { parts: { says: string }[] };
      assert.ok(why.parts.length > 0);
    });

    it('says of a request that failed which step failed, and where its time went', async () => {
      const id = `late-${way.httpExchange}`;
      const headers = { 'x-request-timeout-ms': '1000', 'x-request-id': id };
      await ask('slowly', slowInputs, headers);
      const record = (await get(`/v1/requests/${id}`)) as unknown as FlightAnswer;
      assert.deepEqual(
        record.steps.map(({ name, failure }) => [name, failure]),
        [['first', 'deadline_exceeded']],
      );
      const booked = Object.values(record.stages_ms).reduce((sum, ms) => sum + ms, record.rest_ms);
      assert.ok(Math.abs(booked - record.duration_ms) < 0.02, `${booked} of ${record.duration_ms} ms`);
      assert.ok(record.stages_ms.run! + record.stages_ms.queue! > 10);
    });
  });
