import type { Padding } from '../batching/padding.ts';
import type { Mask } from '../mask.ts';
import type { PipelineStep } from '../pipelines/pipeline-schema.ts';
import type { Batching, ManifestFile } from './manifest-schema.ts';
import type { ShapeBounds } from './shape-bounds.ts';
import type { TensorSpec } from './tensor-spec.ts';

/**
 * `file`: what model.json says. `proof`: what was tried when the model was loaded. `shapes`: the
 * first dimensions do not allow it.
 */
export type BatchingReason = { readonly from: 'file' | 'proof' | 'shapes'; readonly reason: string };

/**
 * What the engine goes by: the file's words with every default filled in, and what the ONNX file
 * declares.
 */
export type Manifest = Readonly<Omit<ManifestFile, 'batching'>> & {
  readonly name: string;
  readonly version: string;
  readonly batching: Readonly<Batching>;
  /** Who decided it, and why. */
  readonly batchingBecause: BatchingReason;
  /** How rows of different lengths share a batch; absent where they do not. */
  readonly padding?: Padding | undefined;
  /** Where model.json has a rule for it: why it is followed, or is not. */
  readonly paddingBecause?: string | undefined;
  /** The input that is made for requests that leave it out. */
  readonly mask?: Mask | undefined;
  /** What becomes of a request with more rows than a batch has. */
  readonly rowsBeyondMax: 'refused' | 'split' | 'alone';
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly bounds: ShapeBounds;
  readonly onnx: {
    readonly irVersion: number;
    readonly opset: number;
    readonly producer: string;
    /** What its graph is made of: `Gemm`, `ai.onnx.ml.Scaler`. */
    readonly operators: readonly string[];
  };
  /** Of a pipeline, which has no ONNX file. */
  readonly steps?: readonly PipelineStep[];
};

/**
 * Metadata of the Open Inference Protocol: `GET /v2/models/M`. Free dimensions are -1, the batch
 * dimension with them.
 */
export function modelMetadata(manifest: Manifest, versions: readonly string[]) {
  const described = ({ name, datatype, shape }: TensorSpec) => ({ name, datatype, shape });
  return {
    name: manifest.name,
    versions,
    platform: platformOf(manifest),
    inputs: manifest.inputs.map(described),
    outputs: manifest.outputs.map(described),
    parameters: { ...sizeBounds(manifest), ...(manifest.steps && { steps: manifest.steps }) },
  };
}

/** Triton calls a pipeline an ensemble. */
export function platformOf({ steps }: Manifest): 'ensemble' | 'onnxruntime_onnx' {
  return steps === undefined ? 'onnxruntime_onnx' : 'ensemble';
}

/**
 * Whether rows of several requests share a run, up to how many, who decided it, and why; where
 * model.json has a rule for rows of different lengths, whether it is followed.
 */
export function batchingFacts({ batching, batchingBecause: { from, reason }, padding, paddingBecause }: Manifest) {
  const rule = batching.padding && {
    dimensions: batching.padding.dimensions,
    is_followed: padding !== undefined,
    reason: paddingBecause ?? '',
  };
  return { rows_max: batching.rows_max, from, reason, ...(rule && { padding: rule }) };
}

/** What the sizes of a request may be, in the words of model.json and of the settings. */
export function sizeBounds({ dimensions_max, dimensions_min, products_max, bounds }: Manifest) {
  const { freeElementsMax: free_elements_max, outputBytesMax: output_bytes_max } = bounds;
  return { dimensions_max, dimensions_min, products_max, free_elements_max, output_bytes_max };
}
