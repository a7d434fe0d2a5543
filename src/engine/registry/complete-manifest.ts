import type { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { RowProof } from '../lanes/prove-rows.ts';
import type { Manifest } from './manifest.ts';
import {
  type Batching,
  batchBytesMaxDefault,
  type ManifestFile,
  manifestSchema,
  type PipelineFile,
  pipelineSchema,
} from './manifest-schema.ts';
import { planPadding } from './plan-padding.ts';
import type { OnnxSummary } from './read-onnx.ts';
import { type SizeLimits, shapeBounds } from './shape-bounds.ts';
import type { TensorSpec } from './tensor-spec.ts';

/** The reason until the lane has tried it. */
export const toBeProven = 'to be proven';

/** More rows than that were not worth it for any model measured. */
const rowsMaxTried = 64;

/** Checks what model.json says; an unusable value names the file and the place. */
export function parseManifest(given: unknown, source: string): ManifestFile {
  return parseBy(manifestSchema, given, source);
}

/** The same of a model, or of a pipeline. */
export function parseModelFile(given: unknown, source: string): ManifestFile | PipelineFile {
  const isOfPipeline = typeof given === 'object' && given !== null && 'steps' in given;
  return isOfPipeline ? parseBy(pipelineSchema, given, source) : parseManifest(given, source);
}

function parseBy<File>(schema: z.ZodType<File>, given: unknown, source: string): File {
  const parsed = schema.safeParse(given);
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
  if (given.batching && given.batching.rows_max > 0) requireFreeFirstDimension([...onnx.inputs, ...onnx.outputs], name);
  const obstacle = obstacleToSharing(onnx);
  const batching = given.batching ?? {
    rows_max: obstacle === undefined ? rowsMaxTried : 0,
    bytes_max: batchBytesMaxDefault,
    delay_us_max: 0,
    split: false,
  };
  const { padding: rule } = batching;
  const rowsBeyondMax = batching.split ? 'split' : given.batching || namesItBatch(onnx) ? 'refused' : 'alone';
  return {
    ...given,
    name,
    version,
    batching,
    batchingBecause: given.batching
      ? { from: 'file', reason: 'model.json says so' }
      : { from: obstacle === undefined ? 'proof' : 'shapes', reason: obstacle ?? toBeProven },
    ...(rule && { ...planPadding(name, onnx, { ...batching, padding: rule }), paddingBecause: toBeProven }),
    rowsBeyondMax,
    inputs: onnx.inputs,
    outputs: onnx.outputs,
    bounds: shapeBounds(name, onnx, given, boundedRows(batching, rowsBeyondMax), sizeLimits),
    onnx: { irVersion: onnx.irVersion, opset: onnx.opset, producer: onnx.producer, operators: onnx.operators },
  };
}

/** What the proof found out, in the place of what was to be proven. */
export function withProof(manifest: Manifest, { rowsMax, reason }: RowProof, sizeLimits: SizeLimits): Manifest {
  const batching = { ...manifest.batching, rows_max: rowsMax };
  const bounded = boundedRows(batching, manifest.rowsBeyondMax);
  return {
    ...manifest,
    batching,
    batchingBecause: { from: 'proof', reason },
    bounds: shapeBounds(manifest.name, manifest, manifest, bounded, sizeLimits),
  };
}

/** The same of the rule for rows of different lengths: it is followed where it was proven. */
export function withPaddingProof(manifest: Manifest, { rowsMax, reason }: RowProof): Manifest {
  return { ...manifest, padding: rowsMax === 0 ? undefined : manifest.padding, paddingBecause: reason };
}

/** Where a request may have any number of rows, they are a free dimension like the others. */
function boundedRows(batching: Batching, rowsBeyondMax: Manifest['rowsBeyondMax']): Batching {
  return rowsBeyondMax === 'alone' ? { ...batching, rows_max: 0 } : batching;
}

/**
 * Why rows of several requests cannot share a run, going by the first dimensions alone; undefined
 * where it has to be tried.
 */
function obstacleToSharing({ inputs, outputs }: OnnxSummary): string | undefined {
  if (inputs.length === 0 || outputs.length === 0) return 'it has no inputs or no outputs';
  const fixed = [...inputs, ...outputs].find(({ shape }) => shape[0] !== -1);
  if (fixed) return `${fixed.name} has the shape [${fixed.shape}], whose first dimension is not free`;
  const [first, ...others] = inputs.filter(({ dimensionNames }) => dimensionNames[0] !== '');
  const other = others.find(({ dimensionNames }) => dimensionNames[0] !== first?.dimensionNames[0]);
  return (
    other &&
    `${first?.name} and ${other.name} call their first dimensions ${first?.dimensionNames[0]} and ${other.dimensionNames[0]}`
  );
}

/** Then a request has few rows, as one of a model whose rows_max is given. */
function namesItBatch({ inputs, outputs }: OnnxSummary): boolean {
  const symbol = inputs[0]?.dimensionNames[0] ?? '';
  return (
    /^n$|batch/i.test(symbol) &&
    [...inputs, ...outputs].every(({ shape, dimensionNames }) => shape[0] === -1 && dimensionNames[0] === symbol)
  );
}

function requireFreeFirstDimension(tensors: readonly TensorSpec[], name: string): void {
  const fixed = tensors.find(({ shape }) => shape[0] !== -1);
  if (!fixed) return;
  throw new ServiceError(
    'invalid_model',
    say`Cannot batch model ${ours(name)}: ${ours(fixed.name)} has the shape [${fixed.shape}], whose first dimension is not free; export the model with a free batch dimension or set batching.rows_max to 0 in model.json.`,
  );
}
