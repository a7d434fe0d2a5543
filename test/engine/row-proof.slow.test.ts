import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { batchingFacts } from '../../src/engine/registry/manifest.ts';
import { tritonConfig } from '../../src/engine/registry/triton-config.ts';
import { slowInBatches } from '../../testkit/models/models.ts';
import { type Dimension, Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';
import { fp32, numbersOf, type Served, serveModels } from './serve-models.ts';

type Build = (graph: Graph) => void;

/** x and y have the same shape, and `build` makes y of x. */
function model(first: Dimension, build: Build, rest: Dimension[] = [4]): { onnx: Uint8Array } {
  const graph = new Graph('rows');
  graph.input('x', 'FP32', [first, ...rest]);
  build(graph);
  graph.output('y', 'FP32', [first, ...rest]);
  return { onnx: writeOnnx(graph) };
}

const double: Build = (graph) => void graph.node('Add', ['x', 'x'], { name: 'y' });

/** Each mixes the rows of a run in its own way. */
const mixing: Record<string, Build> = {
  softmax_over_rows: (graph) => {
    const part = graph.node('Softmax', ['x'], { name: 'part', attributes: { axis: 0 } });
    graph.node('Mul', [part, 'x'], { name: 'y' });
  },
  running_sum: (graph) => {
    const axis = graph.constant('axis', 'INT64', [], [0]);
    graph.node('CumSum', ['x', axis], { name: 'y' });
  },
  // Batch normalisation as in training: by the mean and the deviation of the run.
  normalised_by_run: (graph) => {
    const mean = graph.node('ReduceMean', ['x'], { name: 'mean', attributes: { axes: [0], keepdims: 1 } });
    const centred = graph.node('Sub', ['x', mean], { name: 'centred' });
    const square = graph.node('Mul', [centred, centred], { name: 'square' });
    const variance = graph.node('ReduceMean', [square], { name: 'variance', attributes: { axes: [0], keepdims: 1 } });
    const little = graph.constant('little', 'FP32', [], [1e-5]);
    const above = graph.node('Add', [variance, little], { name: 'above' });
    const deviation = graph.node('Sqrt', [above], { name: 'deviation' });
    const scaled = graph.node('Div', [centred, deviation], { name: 'scaled' });
    graph.node('Add', [scaled, 'x'], { name: 'y' });
  },
  // The scale of eight bits is that of the largest number in the run.
  quantised_by_run: (graph) => {
    graph.node('DynamicQuantizeLinear', ['x'], { name: 'quantise', outputs: ['bytes', 'scale', 'zero'] });
    graph.node('DequantizeLinear', ['bytes', 'scale', 'zero'], { name: 'y' });
  },
  backwards: (graph) => {
    const bounds = ['starts', 'ends', 'axes', 'steps'].map((name, at) =>
      graph.constant(name, 'INT64', [1], [[-1, -1_000_000, 0, -1][at]!]),
    );
    graph.node('Slice', ['x', ...bounds], { name: 'y' });
  },
  // Only rows whose numbers are large touch the others.
  capped_by_the_largest: (graph) => {
    const largest = graph.node('ReduceMax', ['x'], { name: 'largest', attributes: { axes: [0], keepdims: 1 } });
    const limit = graph.constant('limit', 'FP32', [], [10]);
    const above = graph.node('Sub', [largest, limit], { name: 'above' });
    const excess = graph.node('Relu', [above], { name: 'excess' });
    const shifted = graph.node('Sub', ['x', excess], { name: 'shifted' });
    graph.node('Add', [shifted, 'x'], { name: 'y' });
  },
};

/** y: the numbers of x that are not zero, so its rows are as many as the values say. */
function dataDependent(): Uint8Array {
  const graph = new Graph('data_dependent');
  graph.input('x', 'FP32', ['b']);
  const places = graph.node('NonZero', ['x'], { name: 'places' });
  const turned = graph.node('Transpose', [places], { name: 'turned' });
  graph.node('GatherND', ['x', turned], { name: 'y' });
  graph.output('y', 'FP32', ['found']);
  return writeOnnx(graph);
}

/**
 * On a length of 1 its answer is 0 for every row; on others it is the mean over the rows of the
 * run.
 */
const byLength: Build = (graph) => {
  const mean = graph.node('ReduceMean', ['x'], { name: 'mean', attributes: { axes: [1], keepdims: 1 } });
  const centred = graph.node('Sub', ['x', mean], { name: 'centred' });
  graph.node('Softmax', [centred], { name: 'softmax', attributes: { axis: 0 } });
  graph.node('Mul', ['softmax', centred], { name: 'y' });
};

describe('the rows of a model', function () {
  this.timeout(120_000);
  const free = ['b', 's77', 'unk__3', 'dim_0', 'N', 'time', ''];
  let served: Served;
  before(async () => {
    served = await serveModels({
      ...Object.fromEntries(free.map((name) => [`free_${name}`, model(name, double)])),
      ...Object.fromEntries(Object.entries(mixing).map(([name, build]) => [name, model('b', build)])),
      data_dependent: { onnx: dataDependent() },
      by_length: model('b', byLength, ['length']),
      constant: model('b', (graph) => {
        const zero = graph.constant('none', 'FP32', [], [0]);
        graph.node('Mul', ['x', zero], { name: 'y' });
      }),
      fixed: model(2, double),
      by_file: { ...model('b', double), manifest: { batching: { rows_max: 7 } } },
      never_by_file: { ...model('b', double), manifest: { batching: { rows_max: 0 } } },
      steady: { onnx: slowInBatches(20) },
    });
  });
  after(() => served[Symbol.asyncDispose]());
  const factsOf = (name: string) => batchingFacts(served.registry.find(name).manifest);

  it('share a run where the proof says so, whatever their dimension is called', () => {
    for (const name of free) {
      assert.deepEqual([factsOf(`free_${name}`).rows_max, factsOf(`free_${name}`).from], [64, 'proof'], name);
      assert.match(factsOf(`free_${name}`).reason, /^rows gave the same together as alone in \d+ trials$/);
    }
  });

  it('run alone where one of them can be felt by another, in whatever way', () => {
    for (const name of [...Object.keys(mixing), 'by_length'])
      assert.match(factsOf(name).reason, /^rows together do not give what each gives alone: output y is /, name);
    for (const name of [...Object.keys(mixing), 'by_length', 'data_dependent', 'constant', 'fixed'])
      assert.equal(factsOf(name).rows_max, 0, name);
  });

  it('run alone where nothing can be proven, and the reason is said', () => {
    assert.match(factsOf('constant').reason, /^its answers to different rows are the same/);
    assert.deepEqual(factsOf('fixed').from, 'shapes');
    assert.match(factsOf('fixed').reason, /^x has the shape \[2,4\], whose first dimension is not free$/);
  });

  it('go by the manifest where it has batching', () => {
    assert.deepEqual(factsOf('by_file'), { rows_max: 7, from: 'file', reason: 'model.json says so' });
    assert.deepEqual(factsOf('never_by_file').rows_max, 0);
  });

  it('are in the configuration, and come back from there as they went', () => {
    const { parameters } = tritonConfig(served.registry.find('free_b').manifest);
    assert.deepEqual(JSON.parse(parameters.batching!.string_value), factsOf('free_b'));
  });

  it('may be more than a batch has, where their dimension does not say batch: such a request has a run of its own', async () => {
    const x = fp32('x', [100, 4], Array(400).fill(3));
    const { batch, outputs } = await served.infer('free_b', [x]);
    assert.deepEqual([batch.rows, batch.inputs, outputs[0]?.shape], [100, 1, [100, 4]]);
    await assert.rejects(served.infer('free_N', [x]), { code: 'invalid_input' });
  });

  it('of requests that come together share a run', async () => {
    const slow = served.infer('steady', [fp32('x', [1, 4], [0, 0, 0, 0])]);
    const all = await Promise.all(
      [1, 2, 3].map((value) => served.infer('free_s77', [fp32('x', [1, 4], Array(4).fill(value))])),
    );
    await slow;
    assert.deepEqual(
      all.map(({ outputs }) => numbersOf(outputs[0])),
      [2, 4, 6].map((value) => Array(4).fill(value)),
    );
    assert.equal(all[0]!.batch.rows, 3);
  });

  it('are not tried again for a file that is known, and are where the file is another', async () => {
    const folder = join(served.folder, '.data', 'row-proofs');
    const known = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
    assert.ok(known.length > 10);
    for (const name of await readdir(folder))
      await writeFile(join(folder, name), JSON.stringify({ rowsMax: 9, reason: 'as it is known', provider: 'cpu' }));
    await served.registry.load('free_b');
    assert.deepEqual(factsOf('free_b'), { rows_max: 9, from: 'proof', reason: 'as it is known' });
    await writeFile(join(served.folder, 'free_b', '1', 'model.onnx'), model('c', double).onnx);
    await served.registry.load('free_b');
    assert.equal(factsOf('free_b').rows_max, 64);
  });

  it('are tried for a time that has a limit', async () => {
    await using other = await serveModels({ slow: { onnx: slowInBatches(500) } }, { rowProofMsMax: 100 });
    const { reason, rows_max } = batchingFacts(other.registry.find('slow').manifest);
    assert.equal(rows_max, 0);
    assert.match(reason, /takes longer than 100 ms \(VITRINE_ROW_PROOF_MS_MAX\)/);
  });
});
