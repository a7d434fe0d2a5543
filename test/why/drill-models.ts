import { hungry, identity, perceptron, slow, writeModel } from '../../testkit/models/models.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';

const oneThread = { session: { intra_op_threads: 1 } };

/** The models that the drills slow down. */
export async function writeDrillModels(folder: string): Promise<void> {
  await writeModel(folder, 'slow', slow(), { manifest: oneThread });
  await writeModel(folder, 'process', slow(), {
    manifest: { ...oneThread, lanes: { kind: 'process', count: 1 }, retry_safe: true },
  });
  const wide = perceptron({ widths: [16, 2048, 2048, 10] });
  const batching = { rows_max: 256 };
  // Its runs are to be in the lane, where batches are made while others run.
  await writeModel(folder, 'wide', wide, { manifest: { ...oneThread, batching, lanes: { shortcut: false } } });
  await writeModel(folder, 'copy', identity('FP32'), { manifest: { ...oneThread, batching: { rows_max: 0 } } });
  await writeModel(folder, 'expand', expand(), { manifest: oneThread });
  await writeModel(folder, 'hungry', hungry(256), { manifest: { ...oneThread, warm_up_runs: 0 } });
}

/** As many numbers as the caller says: a small request with a large answer. */
function expand(): Uint8Array {
  const graph = new Graph('expand');
  graph.input('x', 'FP32', [1]);
  graph.input('count', 'INT64', [1]);
  graph.node('Expand', ['x', 'count'], { name: 'many', outputs: ['y'] });
  graph.output('y', 'FP32', ['length']);
  return writeOnnx(graph);
}
