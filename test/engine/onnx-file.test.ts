import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOnnx } from '../../src/engine/registry/read-onnx.ts';
import { type DataType, dataTypes } from '../../src/engine/tensor.ts';
import { identity, perceptron, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';

describe('the head of an ONNX file', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder[Symbol.asyncDispose]());

  it('names inputs and outputs with type, shape and free dimensions, for every datatype', async () => {
    for (const datatype of Object.keys(dataTypes) as DataType[]) {
      const file = await writeModel(folder.path, `identity_${datatype}`, identity(datatype));
      const expected = { datatype, shape: [-1, -1], dimensionNames: ['batch', 'length'] };
      const { inputs, outputs } = await readOnnx(file);
      assert.deepEqual([inputs, outputs], [[{ name: 'x', ...expected }], [{ name: 'y', ...expected }]]);
    }
  });

  it('tells opset, IR version and producer', async () => {
    const { opset, irVersion, producer } = await readOnnx(await writeModel(folder.path, 'mlp', perceptron()));
    assert.deepEqual({ opset, irVersion, producer }, { opset: 17, irVersion: 8, producer: 'vitrine' });
  });

  it('names the operators, once each, with the domain of those that are not ONNX’s own', async () => {
    const { operators } = await readOnnx(await writeModel(folder.path, 'operators', perceptron()));
    assert.deepEqual(operators, ['Gemm', 'Relu']);
    const graph = new Graph('scaler');
    graph.input('x', 'FP32', ['batch', 2]);
    graph.node('Scaler', ['x'], { name: 'scale', domain: 'ai.onnx.ml', outputs: ['y'] });
    graph.output('y', 'FP32', ['batch', 2]);
    const scaler = await readOnnx(await writeModel(folder.path, 'scaler', writeOnnx(graph)));
    assert.deepEqual(scaler.operators, ['ai.onnx.ml.Scaler']);
  });

  it('does not take weights for inputs, as files before IR version 4 list them', async () => {
    const graph = new Graph('old');
    graph.input('x', 'FP32', [2]);
    graph.input('w', 'FP32', [2]);
    graph.constant('w', 'FP32', [2], [1, 2]);
    graph.node('Mul', ['x', 'w'], { name: 'y' });
    graph.output('y', 'FP32', [2]);
    const file = await writeModel(folder.path, 'old', writeOnnx(graph, { irVersion: 3, opset: 9 }));
    assert.deepEqual(
      (await readOnnx(file)).inputs.map(({ name }) => name),
      ['x'],
    );
  });

  it('is read the same when weights of megabytes stand before it', async () => {
    const file = await writeModel(folder.path, 'wide', perceptron({ widths: [8, 1024, 1024, 3] }));
    const { inputs, outputs } = await readOnnx(file);
    assert.deepEqual(
      [inputs[0]?.shape, outputs[0]?.shape],
      [
        [-1, 8],
        [-1, 3],
      ],
    );
  });

  it('is refused with a sentence wherever the file is cut off', async () => {
    const bytes = perceptron({ widths: [4, 3, 2] });
    const file = join(folder.path, 'cut.onnx');
    for (let length = bytes.length - 1; length >= 0; length -= 7) {
      await writeFile(file, bytes);
      await truncate(file, length);
      // A cut between two fields leaves a file that is valid and says less.
      await readOnnx(file).catch((error: Error) => assert.match(error.message, /^Cannot read .* as an ONNX file: /));
    }
    await writeFile(file, 'GIF89a, not a model');
    await assert.rejects(readOnnx(file), { code: 'invalid_model' });
  });

  it('is refused when a tensor has a type that cannot be carried', async () => {
    const bytes = identity('FP16');
    // TypeProto.Tensor.elem_type 10 (FLOAT16) becomes 16 (BFLOAT16), which Node's binding does not
    // have.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x08, 0x0a, 0x12]));
    bytes[at + 1] = 16;
    const file = await writeModel(folder.path, 'bfloat', bytes);
    await assert.rejects(readOnnx(file), /its input x has a type .*ONNX type 16/);
  });
});
