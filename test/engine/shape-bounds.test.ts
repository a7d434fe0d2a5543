import assert from 'node:assert/strict';
import type { Tensor } from '../../src/engine/tensor.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';
import { fp32, type Served, serveModels } from './serve-models.ts';

/** [rows, inner] × [inner, columns]: a few numbers in, as many out as the sizes make. */
function product(names: readonly [string, string, string, string]): Uint8Array {
  const graph = new Graph('product');
  graph.input('a', 'FP32', [names[0], names[1]]);
  graph.input('b', 'FP32', [names[2], names[3]]);
  graph.node('MatMul', ['a', 'b'], { name: 'product', outputs: ['y'] });
  graph.output('y', 'FP32', [names[0], names[3]]);
  return writeOnnx(graph);
}

const alone = { batching: { rows_max: 0 } };
const sized = (rows: number, inner: number, columns: number): Tensor[] => [
  fp32('a', [rows, inner], new Float32Array(rows * inner)),
  fp32('b', [inner, columns], new Float32Array(inner * columns)),
];

describe('the sizes of free dimensions', () => {
  let served: Served;

  before(async () => {
    served = await serveModels(
      {
        named: { onnx: product(['rows', 'inner', 'inner', 'columns']), manifest: alone },
        bounded: {
          onnx: product(['rows', 'inner', 'inner', 'columns']),
          manifest: {
            ...alone,
            dimensions_max: { rows: 100, inner: 4 },
            dimensions_min: { inner: 0 },
            products_max: [{ of: ['rows', 'columns'], max: 1000 }],
          },
        },
        copy: { onnx: identity('FP32'), manifest: alone },
        batched: { onnx: identity('FP32') },
        split: { onnx: identity('FP32'), manifest: { batching: { rows_max: 2, split: true } } },
      },
      { freeElementsMax: 10_000, outputBytesMax: 30_000 },
    );
  });

  after(() => served[Symbol.asyncDispose]());

  const refused = (model: string, inputs: Tensor[], message: RegExp) =>
    assert.rejects(served.infer(model, inputs), { code: 'invalid_input', message });

  it('that the manifest does not bound have a product that is bounded', async () => {
    await served.infer('named', sized(70, 1, 70));
    await refused(
      'named',
      sized(200, 1, 200),
      /rows = 200, inner = 1, columns = 200 make 40000, and their product is at most 10000; .*dimensions_max.*VITRINE_FREE_ELEMENTS_MAX/,
    );
  });

  it('are not 0 unless the manifest says so', async () => {
    await refused(
      'named',
      sized(50, 0, 50),
      /"a" has the size 0 in dimension 1 \(inner\), and at least 1 .*dimensions_min/,
    );
    await served.infer('bounded', sized(10, 0, 10));
    await refused('batched', [fp32('x', [1, 0], [])], /at least 1 is taken/);
  });

  it('have the bounds that the manifest gives them, one by one and together', async () => {
    await served.infer('bounded', sized(100, 4, 10));
    await refused(
      'bounded',
      sized(101, 1, 1),
      /"a" has the size 101 in dimension 0 \(rows\), and at most 100 .*dimensions_max/,
    );
    await refused('bounded', sized(100, 1, 11), /rows = 100, columns = 11 make 1100, .* at most 1000; .*products_max/);
  });

  it('of one input may be what was sent', async () => {
    await served.infer('copy', [fp32('x', [1, 7000], new Float32Array(7000))]);
  });

  it('whose outputs would be larger than is answered are refused before the run', async () => {
    await refused(
      'copy',
      [fp32('x', [2, 7000], new Float32Array(14_000))],
      /would take 56000 bytes.*VITRINE_OUTPUT_BYTES_MAX/,
    );
    await refused('split', [fp32('x', [4, 7000], new Float32Array(28_000))], /would take 112000 bytes/);
  });

  it('are the task’s own affair where a task asks', async () => {
    await served.infer('bounded', sized(101, 1, 1), { boundsItself: true });
  });

  it('that are bounded by a name which the model does not have make the load fail', async () => {
    await writeModel(served.folder, 'wrong', identity('FP32'), { manifest: { dimensions_max: { width: 3 } } });
    await assert.rejects(served.registry.load('wrong'), { code: 'invalid_model', message: /"width"/ });
  });
});
