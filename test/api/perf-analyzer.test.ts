import assert from 'node:assert/strict';
import { perceptron } from '../../testkit/models/models.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

// Triton's perf_analyzer is a binary that cannot be had from a package registry: its sequence of
// requests is replayed instead, as its sources and a trace against Triton 2.51 have it.

describe('the requests of Triton’s perf_analyzer', () => {
  let served: ServedApi;
  before(async () => {
    served = await serveApi({ perceptron: { onnx: perceptron() } });
  });
  after(() => served[Symbol.asyncDispose]());

  it('find what it needs: metadata, configuration, statistics, and inference with an empty id', async () => {
    const json = async <Said>(path: string) => {
      const answer = await served.fetch(path);
      assert.equal(answer.status, 200, path);
      return (await answer.json()) as Said;
    };
    assert.ok((await json<{ extensions: string[] }>('/v2')).extensions.includes('statistics'));
    assert.equal((await served.fetch('/v2/models/perceptron/ready')).status, 200);
    const { inputs, outputs, versions } = await json<Metadata>('/v2/models/perceptron');
    assert.ok(versions.length > 0);
    const config = await json<Configuration>('/v2/models/perceptron/config');
    // It gives the batch dimension itself where the model batches, and aborts on a configuration
    // without these.
    assert.ok(config.max_batch_size > 0);
    assert.deepEqual(config.input[0]?.dims.map(Number), inputs[0]?.shape.slice(1));
    assert.equal(config.input[0]?.data_type, 'TYPE_FP32');
    assert.equal(config.output[0]?.name, outputs[0]?.name);
    const countOf = async () => (await json<{ model_stats: [Counts] }>('/v2/models/perceptron/stats')).model_stats[0];
    const before = await countOf();

    const numbers = Float32Array.from({ length: 64 }, (_, index) => index / 64);
    const head = JSON.stringify({
      id: '',
      inputs: [
        {
          name: inputs[0]?.name,
          shape: [1, 64],
          datatype: 'FP32',
          parameters: { binary_data_size: numbers.byteLength },
        },
      ],
      outputs: [{ name: outputs[0]?.name, parameters: { binary_data: true } }],
    });
    for (let count = 0; count < 5; count += 1) {
      const answer = await served.fetch('/v2/models/perceptron/infer', {
        method: 'POST',
        headers: { 'Inference-Header-Content-Length': String(head.length), 'Content-Type': 'application/octet-stream' },
        body: Buffer.concat([Buffer.from(head), Buffer.from(numbers.buffer)]),
      });
      assert.equal(answer.status, 200);
      const jsonBytes = Number(answer.headers.get('inference-header-content-length'));
      const bytes = Buffer.from(await answer.arrayBuffer());
      const said = JSON.parse(bytes.toString('utf8', 0, jsonBytes));
      assert.equal(said.id, '');
      assert.equal(bytes.length - jsonBytes, said.outputs[0].parameters.binary_data_size);
    }
    const after = await countOf();
    assert.equal(after.inference_count - before.inference_count, 5);
    assert.equal(after.inference_stats.success!.count - before.inference_stats.success!.count, 5);
    for (const stage of ['queue', 'compute_input', 'compute_infer', 'compute_output'])
      assert.ok(after.inference_stats[stage]!.ns >= before.inference_stats[stage]!.ns, stage);
  });
});

type Metadata = { inputs: { name: string; shape: number[] }[]; outputs: { name: string }[]; versions: string[] };
type Configuration = {
  max_batch_size: number;
  input: { dims: (string | number)[]; data_type: string }[];
  output: { name: string }[];
};
type Counts = { inference_count: number; inference_stats: Record<string, { count: number; ns: number }> };
