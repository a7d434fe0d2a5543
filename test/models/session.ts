import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';

export type Feeds = Record<string, { dims: readonly number[]; data: Float32Array | BigInt64Array }>;
export type Answers = Record<string, { dims: readonly number[]; data: Float32Array }>;

/**
 * Runs a graph, or a model of the repository by its name, in ONNX Runtime, without the engine in
 * between.
 */
export async function session(model: Graph | string): Promise<(feeds: Feeds) => Promise<Answers>> {
  // Read when the library is first loaded.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const { default: ort } = await import('onnxruntime-node');
  const path = (name: string) => fileURLToPath(new URL(`../../models/${name}/1/model.onnx`, import.meta.url));
  const bytes = typeof model === 'string' ? await readFile(path(model)) : writeOnnx(model);
  const loaded: InferenceSession = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return async (feeds) => {
    const given = Object.entries(feeds).map(([name, { dims, data }]): [string, Tensor] => [
      name,
      data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int64', data, dims),
    ]);
    const answers = await loaded.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(answers).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]),
    );
  };
}
