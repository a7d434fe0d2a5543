import { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import type { DataType } from '../tensor.ts';
import { batchingFacts, type Manifest, platformOf, sizeBounds } from './manifest.ts';
import type { ManifestFile, StateTerms } from './manifest-schema.ts';
import type { TensorSpec } from './tensor-spec.ts';
import { ensembleScheduling, fromEnsemble, isEnsemble } from './triton-ensemble.ts';

// Triton's model configuration, both ways: its clients send one with a load, and read one before
// they measure.

/**
 * GET /v2/models/M/config, as Triton's clients and perf_analyzer read it: dims without the batch
 * dimension.
 */
export function tritonConfig(manifest: Manifest) {
  const { batching, queue, lanes } = manifest;
  const batched = batching.rows_max > 0;
  const described = ({ name, datatype, shape }: TensorSpec) => ({
    name,
    data_type: tritonType(datatype),
    dims: batched ? shape.slice(1) : shape,
  });
  return {
    name: manifest.name,
    platform: platformOf(manifest),
    backend: manifest.steps ? '' : 'onnxruntime',
    version_policy: tritonVersionPolicy(manifest.versions),
    max_batch_size: batching.rows_max,
    input: manifest.inputs.map(described),
    output: manifest.outputs.map(described),
    ...(manifest.cache && { response_cache: { enable: true } }),
    instance_group: manifest.steps ? [] : [{ name: manifest.name, kind: 'KIND_CPU', count: lanes.count }],
    default_model_filename: manifest.steps ? '' : 'model.onnx',
    // Triton's place for what it has no word for: text by name.
    parameters: Object.fromEntries(
      Object.entries({
        ...sizeBounds(manifest),
        batching: batchingFacts(manifest),
        ...(manifest.steps && { steps: manifest.steps }),
      }).map(([name, value]) => [name, { string_value: JSON.stringify(value) }]),
    ),
    // Triton has one of the three.
    ...(manifest.steps && { ensemble_scheduling: ensembleScheduling(manifest.steps) }),
    ...(manifest.state && { sequence_batching: sequenceBatching(manifest, manifest.state) }),
    ...(batched &&
      !manifest.state && {
        dynamic_batching: {
          max_queue_delay_microseconds: batching.delay_us_max,
          priority_levels: queue.priority_levels,
          default_priority_level: queue.priority_default,
          default_queue_policy: { max_queue_size: queue.inputs_max },
        },
      }),
  };
}

const ignored = z.unknown().optional();

const asText = z.strictObject({ string_value: z.string().max(65_536) }).transform(({ string_value: text }, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue('string_value is not JSON');
    return z.NEVER;
  }
});

/**
 * What is understood of Triton's configuration. Inputs and outputs are read and left to the ONNX
 * file, which knows better.
 */
const tritonSchema = z.strictObject({
  name: ignored,
  input: ignored,
  output: ignored,
  default_model_filename: z.literal(['', 'model.onnx']).optional(),
  parameters: z
    .strictObject({
      dimensions_max: asText.optional(),
      dimensions_min: asText.optional(),
      products_max: asText.optional(),
      // The service's own setting, for every model.
      free_elements_max: ignored,
      output_bytes_max: ignored,
      batching: ignored,
    })
    .optional(),
  platform: z.literal(['', 'onnxruntime_onnx']).optional(),
  backend: z.literal(['', 'onnxruntime']).optional(),
  max_batch_size: z.int().min(0).optional(),
  version_policy: z
    .strictObject({
      all: z.strictObject({}).optional(),
      latest: z.strictObject({ num_versions: z.int().min(1) }).optional(),
      specific: z.strictObject({ versions: z.array(z.union([z.string(), z.int()])).min(1) }).optional(),
    })
    .optional(),
  instance_group: z
    .array(
      z.strictObject({
        name: ignored,
        count: z.int().min(1).optional(),
        kind: z.literal(['KIND_AUTO', 'KIND_CPU', 'KIND_GPU']).optional(),
      }),
    )
    .max(1)
    .optional(),
  response_cache: z.strictObject({ enable: z.boolean().optional() }).optional(),
  sequence_batching: z
    .strictObject({
      direct: ignored,
      oldest: ignored,
      max_sequence_idle_microseconds: z.coerce.number().int().min(0).optional(),
      state: z
        .array(
          z.strictObject({
            input_name: z.string(),
            output_name: z.string(),
            data_type: ignored,
            dims: ignored,
          }),
        )
        .min(1),
    })
    .optional(),
  dynamic_batching: z
    .strictObject({
      preferred_batch_size: ignored,
      max_queue_delay_microseconds: z.coerce.number().int().min(0).optional(),
      priority_levels: z.coerce.number().int().min(1).optional(),
      default_priority_level: z.coerce.number().int().min(1).optional(),
      default_queue_policy: z.strictObject({ max_queue_size: z.int().min(1).optional() }).optional(),
    })
    .optional(),
});

const tritonsOwnWords = [...Object.keys(tritonSchema.shape), 'ensemble_scheduling'];

/** True when the words are Triton's and not model.json's: the two have none in common. */
export function isTritonConfig(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && Object.keys(given).some((key) => tritonsOwnWords.includes(key));
}

/**
 * Triton's words as model.json's. A word that is not understood is refused: ignored silently, it
 * would be believed.
 */
export function fromTritonConfig(given: Record<string, unknown>): unknown {
  if (isEnsemble(given)) return fromEnsemble(given);
  const parsed = tritonSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ServiceError(
      'invalid_model',
      say`Cannot use the configuration given: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}; say it in the words of model.json, or leave it out.`,
    );
  }
  const config = parsed.data;
  const dynamic = config.dynamic_batching;
  const [group] = config.instance_group ?? [];
  return {
    ...(config.version_policy && { versions: versionsOf(config.version_policy) }),
    ...(config.max_batch_size !== undefined && {
      batching: { rows_max: config.max_batch_size, delay_us_max: dynamic?.max_queue_delay_microseconds ?? 0 },
    }),
    queue: {
      priority_levels: dynamic?.priority_levels,
      priority_default: dynamic?.default_priority_level,
      inputs_max: dynamic?.default_queue_policy?.max_queue_size,
    },
    lanes: { count: group?.count },
    dimensions_max: config.parameters?.dimensions_max,
    dimensions_min: config.parameters?.dimensions_min,
    products_max: config.parameters?.products_max,
    ...(config.response_cache?.enable && { cache: {} }),
    ...(config.sequence_batching && { state: stateOf(config.sequence_batching) }),
    ...(group?.kind === 'KIND_GPU' && { providers: ['cuda', 'webgpu', 'cpu'] }),
  };
}

function sequenceBatching({ inputs, batching }: Manifest, { tensors, idle_ms_max }: StateTerms) {
  return {
    max_sequence_idle_microseconds: idle_ms_max * 1000,
    state: tensors.map(({ input, output }) => {
      const { datatype, shape } = inputs.find(({ name }) => name === input)!;
      const dims = batching.rows_max > 0 ? shape.slice(1) : shape;
      return { input_name: input, output_name: output, data_type: tritonType(datatype), dims };
    }),
  };
}

function stateOf({ max_sequence_idle_microseconds: idleUs, state }: TritonSequences) {
  return {
    tensors: state.map(({ input_name: input, output_name: output }) => ({ input, output })),
    ...(idleUs && { idle_ms_max: Math.max(10, Math.round(idleUs / 1000)) }),
  };
}

type TritonSequences = NonNullable<z.infer<typeof tritonSchema>['sequence_batching']>;

function tritonType(datatype: DataType): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

function tritonVersionPolicy(policy: ManifestFile['versions']) {
  if (policy === 'all') return { all: {} };
  if ('latest' in policy) return { latest: { num_versions: policy.latest } };
  return { specific: { versions: policy.only } };
}

function versionsOf({ all, latest, specific }: NonNullable<z.infer<typeof tritonSchema>['version_policy']>) {
  if (all) return 'all';
  if (specific) return { only: specific.versions.map(String) };
  return { latest: latest?.num_versions ?? 1 };
}
