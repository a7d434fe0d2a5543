import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import type { BatchFacts, InferAnswer, InferRequest } from '../../src/engine/inference.ts';
import { Registry, type RegistryConfig } from '../../src/engine/registry/registry.ts';
import type { DataType, Tensor } from '../../src/engine/tensor.ts';
import { writeModel, writePipeline } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

export type Served = AsyncDisposable & {
  readonly registry: Registry;
  readonly folder: string;
  infer(model: string, inputs: InferRequest['inputs'], options?: Partial<InferRequest>): Promise<AnswerOfRun>;
};

/** Only answers that were remembered have no batch. */
export type AnswerOfRun = InferAnswer & { readonly batch: BatchFacts };

/** A registry over real models in a folder of its own. */
export async function serveModels(
  models: Readonly<Record<string, { onnx?: Uint8Array; manifest?: unknown }>>,
  config: Partial<RegistryConfig> = {},
): Promise<Served> {
  const folder = await temporaryFolder();
  for (const [name, { onnx, manifest }] of Object.entries(models)) {
    if (onnx) await writeModel(folder.path, name, onnx, { manifest });
    else await writePipeline(folder.path, name, manifest);
  }
  const registry = new Registry({
    ...readConfig({}),
    data: join(folder.path, '.data'),
    models: folder.path,
    retryWaitMsFirst: 1,
    // A busy machine must not decide what is proven.
    rowProofMsMax: 20_000,
    ...config,
  });
  await registry.start();
  return {
    registry,
    folder: folder.path,
    infer: (model, inputs, options = {}) =>
      registry.find(model).infer({
        inputs,
        priority: 0,
        deadlineAt: performance.now() + 60_000,
        signal: new AbortController().signal,
        ...options,
      }) as Promise<AnswerOfRun>,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function fp32(name: string, shape: readonly number[], elements: Iterable<number>): Tensor {
  return { name, datatype: 'FP32', shape, data: Float32Array.from(elements) };
}

export function whole(datatype: 'INT32' | 'INT64', name: string, shape: readonly number[], elements: number[]): Tensor {
  const data = datatype === 'INT32' ? Int32Array.from(elements) : BigInt64Array.from(elements, BigInt);
  return { name, datatype: datatype satisfies DataType, shape, data };
}

/** The inputs of the model `slow`: about 0.2 ms an iteration. */
export function slowInputs(iterations: number): Tensor[] {
  return [fp32('x', [4], [1, 2, 3, 4]), whole('INT64', 'iterations', [], [iterations])];
}

export function numbersOf(tensor: Tensor | undefined): unknown[] {
  return [...(tensor?.data ?? [])];
}
