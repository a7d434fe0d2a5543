import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { Manifest } from './manifest.ts';
import { batchBytesMaxDefault, type ManifestFile, manifestSchema } from './manifest-schema.ts';
import type { OnnxSummary } from './read-onnx.ts';
import { type SizeLimits, shapeBounds } from './shape-bounds.ts';
import type { TensorSpec } from './tensor-spec.ts';

const rowsMaxDerived = 64;

/** Checks what model.json says; an unusable value names the file and the place. */
export function parseManifest(given: unknown, source: string): ManifestFile {
  const parsed = manifestSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') || 'the whole';
  throw new ServiceError(
    'invalid_model',
    say`Cannot use ${ours(source)}: ${place}: ${issue?.message ?? 'unknown'}; the schema says what may stand there.`,
  );
}

/** The file's words and what the ONNX file declares, made one. */
export function completeManifest(
  given: ManifestFile,
  onnx: OnnxSummary,
  { name, version, sizeLimits }: { name: string; version: string; sizeLimits: SizeLimits },
): Manifest {
  const tensors = [...onnx.inputs, ...onnx.outputs];
  if (given.batching && given.batching.rows_max > 0) requireFreeFirstDimension(tensors, name);
  const derived = sharesBatchDimension(tensors) ? rowsMaxDerived : 0;
  const batching = given.batching ?? {
    rows_max: derived,
    bytes_max: batchBytesMaxDefault,
    delay_us_max: 0,
    split: false,
  };
  return {
    ...given,
    name,
    version,
    batching,
    batchingFrom: given.batching ? 'manifest' : 'derived',
    inputs: onnx.inputs,
    outputs: onnx.outputs,
    bounds: shapeBounds(name, onnx, given, batching, sizeLimits),
    onnx: { irVersion: onnx.irVersion, opset: onnx.opset, producer: onnx.producer, operators: onnx.operators },
  };
}

/**
 * A free first dimension alone does not mean that rows are independent: it may be time, or tokens.
 * Only a name that says batch counts, the same on every input and output; and even then a probe has
 * to prove it when the model is loaded.
 */
function sharesBatchDimension(tensors: readonly TensorSpec[]): boolean {
  const [first] = tensors;
  const symbol = first?.dimensionNames[0] ?? '';
  if (!/^n$|batch/i.test(symbol)) return false;
  return tensors.every(({ shape, dimensionNames }) => shape[0] === -1 && dimensionNames[0] === symbol);
}

function requireFreeFirstDimension(tensors: readonly TensorSpec[], name: string): void {
  const fixed = tensors.find(({ shape }) => shape[0] !== -1);
  if (!fixed) return;
  throw new ServiceError(
    'invalid_model',
    say`Cannot batch model ${ours(name)}: ${ours(fixed.name)} has the shape [${fixed.shape}], whose first dimension is not free; export the model with a free batch dimension or set batching.rows_max to 0 in model.json.`,
  );
}
