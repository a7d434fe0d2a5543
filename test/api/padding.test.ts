import assert from 'node:assert/strict';
import { maskedMean, overTime } from '../../testkit/models/models.ts';
import { floatsOf, type GrpcClient, inferenceClient, rawFloats } from '../grpc/grpc-client.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from './serve-api.ts';

const padding = { dimensions: ['length'], mask: 'mask' };
// It waits until as many rows are there as a batch takes.
const batching = { rows_max: 4, delay_us_max: 60_000_000, padding };
/** Larger bodies are read in a thread. */
const jsonInlineBytesMax = 1024;
const models = {
  masked: { onnx: maskedMean({ mask: 'INT64' }), manifest: { batching } },
  at_once: { onnx: maskedMean(), manifest: { batching: { rows_max: 4, padding } } },
  changed: {
    onnx: overTime('ReduceMean'),
    manifest: { batching: { rows_max: 4, padding: { dimensions: ['length'] } } },
  },
};

type Listed = {
  name: string;
  state: string;
  reason: string;
  vitrine: { batching: { padding: { is_followed: boolean } } };
};
type Batch = { id: number; requests: number; rows: number; closed_by: string; padding: number; padding_bytes: number };

for (const way of waysToServe)
  describe(`rows of different lengths, ${nameOfWay(way)}`, function () {
    this.timeout(120_000);
    const told = tellSpansHere();
    let api: ServedApi;
    let client: GrpcClient;
    before(async () => {
      api = await serveApi(models, { rowProofMsMax: 100_000, jsonInlineBytesMax }, way);
      client = inferenceClient(api.grpcPort);
    });
    after(async () => {
      client[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
    });

    const path = '/v2/models/masked/infer';
    const get = async <Answered>(from: string) => (await (await api.fetch(from)).json()) as Answered;
    const input = (length: number) => ({ name: 'x', datatype: 'FP32', shape: [1, length] });
    const askJson = async (numbers: readonly number[], headers: Record<string, string> = {}) => {
      const body = JSON.stringify({ inputs: [{ ...input(numbers.length), data: numbers }] });
      const response = await api.fetch(path, { method: 'POST', headers, body });
      const { outputs } = (await response.json()) as { outputs: { shape: number[]; data: number[] }[] };
      return { status: response.status, outputs: outputs.map(({ shape, data }) => [shape, data]) };
    };
    const askBinary = async (numbers: readonly number[]) => {
      const json = JSON.stringify({
        inputs: [{ ...input(numbers.length), parameters: { binary_data_size: 4 * numbers.length } }],
        parameters: { binary_data_output: true },
      });
      const response = await api.fetch(path, {
        method: 'POST',
        headers: { 'Inference-Header-Content-Length': String(json.length) },
        body: Buffer.concat([Buffer.from(json), rawFloats(...numbers)]),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const head = Number(response.headers.get('inference-header-content-length'));
      return floatsOf(bytes.subarray(head));
    };
    const askRaw = async (numbers: readonly number[]) => {
      const headers = { 'Inference-Header-Content-Length': '0' };
      const response = await api.fetch(path, { method: 'POST', headers, body: rawFloats(...numbers) });
      const bytes = Buffer.from(await response.arrayBuffer());
      return floatsOf(bytes.subarray(Number(response.headers.get('inference-header-content-length'))));
    };
    const askGrpc = async (numbers: readonly number[]) => {
      const raw_input_contents = [rawFloats(...numbers)];
      const { answer } = await client.ask('ModelInfer', {
        model_name: 'masked',
        inputs: [input(numbers.length)],
        raw_input_contents,
      });
      return answer.raw_output_contents.map(floatsOf);
    };

    it('share a batch of JSON, binary data, a raw body and gRPC; none of them sends the mask', async () => {
      // Asked twice: then the JSON of the binary request is known.
      for (let time = 0; time < 2; time += 1) {
        const [json, binary, raw, grpc] = await Promise.all([
          askJson([1, 2, 3]),
          askBinary([4]),
          askRaw([8, 8, 5]),
          askGrpc([5, 7]),
        ]);
        assert.deepEqual(json, {
          status: 200,
          outputs: [
            [[1, 1], [2]],
            [
              [1, 3],
              [-1, 0, 1],
            ],
          ],
        });
        assert.deepEqual(binary, [4, 0]);
        assert.deepEqual(raw, [7, 1, 1, -2]);
        assert.deepEqual(grpc, [[6], [-1, 1]]);
      }
      const { model_stats: stats } = await get<{
        model_stats: { inference_count: number; execution_count: number }[];
      }>('/v2/models/masked/stats');
      assert.deepEqual([stats[0]!.inference_count, stats[0]!.execution_count], [8, 2]);
    });

    it('that are large are read in a thread, and need no mask there', async () => {
      const data = new Array<number>(1000).fill(3);
      const body = JSON.stringify({ inputs: [{ ...input(data.length), data }], outputs: [{ name: 'mean' }] });
      assert.ok(body.length > jsonInlineBytesMax);
      const response = await api.fetch('/v2/models/at_once/infer', { method: 'POST', body });
      const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
      assert.deepEqual([response.status, outputs[0]?.data], [200, [3]]);
    });

    it('say where the rule is not followed, in the index and the configuration', async () => {
      const listed = (await (
        await api.fetch('/v2/repository/index', { method: 'POST', body: '{}' })
      ).json()) as Listed[];
      assert.deepEqual(
        ['masked', 'changed'].map((model) => {
          const { state, reason, vitrine } = listed.find(({ name }) => name === model)!;
          return [state, reason === '', vitrine.batching.padding.is_followed];
        }),
        [
          ['READY', true, true],
          ['READY', false, false],
        ],
      );
      const { parameters } = await get<{ parameters: { batching: { string_value: string } } }>(
        '/v2/models/changed/config',
      );
      const { padding: told } = JSON.parse(parameters.batching.string_value);
      assert.equal(told.is_followed, false);
      assert.match(told.reason, /padded do not give what each gives alone/);
    });

    it('of a rule that does not fit the model refuse the load, and the model goes on', async () => {
      const load = (given: object) =>
        api.fetch('/v2/repository/models/changed/load', {
          method: 'POST',
          body: JSON.stringify({ parameters: { config: { batching: { rows_max: 4, padding: given } } } }),
        });
      const refused = await load({ dimensions: ['tempo'] });
      assert.equal(refused.status, 422);
      assert.match(((await refused.json()) as { error: string }).error, /batching.padding names the dimension "tempo"/);
      assert.equal((await load({ dimensions: ['length'], waste_max: 1 })).status, 422);
      assert.equal((await api.fetch('/v2/models/changed/ready')).status, 200);
    });

    if (!way.observed) return;

    it('have a record and spans that say what was padding', async () => {
      const ids = ['short', 'long', 'one', 'other'].map((name) => `${name}-${way.httpExchange}`);
      const rows = [[1], [1, 2, 3, 4], [1, 2, 3], [1, 2, 3, 4]];
      await Promise.all(rows.map((row, at) => askJson(row, { 'x-vitrine-trace': '1', 'x-request-id': ids[at]! })));
      const records = await Promise.all(ids.map((id) => get<{ batch: Batch }>(`/v1/requests/${id}`)));
      // Four of sixteen elements, of 4 bytes in x and 8 in its mask.
      const expected = { requests: 4, rows: 4, closed_by: 'rows', padding: 0.25, padding_bytes: 48 };
      for (const { batch } of records) {
        const { requests, rows, closed_by, padding, padding_bytes } = batch;
        assert.deepEqual({ requests, rows, closed_by, padding, padding_bytes }, expected);
      }
      const runs = told.spans().filter(({ attributes }) => attributes['inference.batch.id'] === records[0]!.batch.id);
      assert.ok(runs.length >= 4);
      for (const { attributes } of runs)
        assert.deepEqual(
          [attributes['inference.batch.padding'], attributes['inference.batch.padding_bytes']],
          [0.25, 48],
        );
    });
  });
