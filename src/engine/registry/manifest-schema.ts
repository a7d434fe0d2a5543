import { z } from 'zod';
import { pipelineParts } from '../pipelines/pipeline-schema.ts';
import { paddingRule } from './padding-schema.ts';

// models/<name>/model.json: what a model's owner may say about it. Everything has a default, so
// that the file may be absent; inputs and outputs always come from the ONNX file. `vitrine
// manifest-schema` prints this as JSON Schema.

const providerNames = ['cpu', 'webgpu', 'cuda'] as const;
export type ProviderName = (typeof providerNames)[number];

export const batchBytesMaxDefault = 4 * 2 ** 20;

const count = (min: number, max: number) => z.int().min(min).max(max);

const batching = z
  .strictObject({
    rows_max: count(0, 65_536).describe('Rows in one batch at most. 0: every request runs alone, its shape untouched.'),
    bytes_max: count(1, 2 ** 32)
      .default(batchBytesMaxDefault)
      .describe(
        'Input bytes in one batch at most; a single request above it runs alone. Putting rows together costs a copy that small rows do not feel and large ones do.',
      ),
    delay_us_max: count(0, 60_000_000)
      .default(0)
      .describe(
        'How long an idle lane waits for more rows, in microseconds, rounded up to milliseconds. 0: not at all; a batch forms while the lane is busy.',
      ),
    split: z
      .boolean()
      .default(false)
      .describe('A request with more rows than rows_max is cut into several batches. Else it is refused.'),
    padding: paddingRule.optional(),
  })
  .describe('Rows of several requests run as one, along the first dimension of every input and output.');

const queue = z
  .strictObject({
    inputs_max: count(1, 1_000_000).default(4096).describe('Requests that may wait. Beyond it: queue_full.'),
    bytes_max: count(1, 2 ** 40)
      .default(256 * 2 ** 20)
      .describe('Input bytes that may wait. Beyond it: queue_full.'),
    priority_levels: count(1, 100).default(10).describe('Priorities from 1, the most urgent, to this.'),
    priority_default: count(1, 100).default(5).describe('The priority of a request that names none (or 0).'),
    ageing_ms: count(0, 600_000)
      .default(200)
      .describe('A request that has waited this long counts as one level more urgent, so that none starves.'),
  })
  .prefault({});

const lanes = z
  .strictObject({
    kind: z
      .enum(['thread', 'process'])
      .default('thread')
      .describe(
        'thread: fast. process: survives a native crash of the model and can be killed; for models not trusted.',
      ),
    count: count(1, 64).default(1).describe('How many lanes run this model side by side.'),
    stuck_after_ms: count(10, 86_400_000)
      .default(30_000)
      .describe(
        'A run that has taken this long, and whose callers have all been answered, has its lane killed (process) or abandoned (thread) and replaced.',
      ),
    shortcut: z
      .boolean()
      .default(true)
      .describe(
        'Batches that are over sooner than the way to their lane and back are run on the event loop: small models on the CPU in threads, up to the sizes of free dimensions that were measured at load, without operators whose time goes by values. false: never.',
      ),
  })
  .prefault({});

const session = z
  .strictObject({
    intra_op_threads: count(0, 256)
      .default(0)
      .describe('Threads inside one operator. 0: the cores, less one for the event loop, shared by the lanes.'),
    inter_op_threads: count(1, 256).default(1).describe('Operators that run side by side.'),
    optimization: z.enum(['disabled', 'basic', 'extended', 'all']).default('all'),
    arena: z.boolean().default(true).describe('Keep memory between runs. Off: slower, and given back after each run.'),
    memory_pattern: z.boolean().default(true).describe('Plan memory by the first run’s shapes. Off when shapes vary.'),
    extra: z
      .record(z.string(), z.string())
      .default({})
      .describe('Further session options of ONNX Runtime, as they are.'),
  })
  .prefault({});

const versions = z
  .union([
    z.literal('all'),
    z.strictObject({ latest: count(1, 1000) }),
    z.strictObject({ only: z.array(z.string().regex(/^[1-9]\d{0,17}$/)).min(1) }),
  ])
  .default({ latest: 1 })
  .describe('Which version folders are served: all, the latest n, or those named.');

const separator = z
  .strictObject({
    stems: z
      .array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/))
      .min(1)
      .max(16)
      .refine((names) => new Set(names).size === names.length, 'each stem once')
      .describe(
        'What comes out, in the order of the outputs (or of the first free dimension of the only one); the files are called so.',
      ),
    sample_rate_hz: count(4_000, 384_000).optional().describe('The rate it was made for. Absent: any.'),
    channels: count(1, 64)
      .optional()
      .describe('Channels it takes at once. 1: each is separated by itself. Absent: as many as the sound has.'),
    chunk_samples: count(512, 2 ** 24).describe('New samples in one run: what it needs of memory goes by this.'),
    context_samples: count(0, 2 ** 22)
      .default(0)
      .describe('What it needs to hear on both sides for its answer in between to be right.'),
    fade_samples: count(0, 2 ** 20)
      .default(0)
      .refine((samples) => samples % 2 === 0, 'an even number')
      .describe('Neighbouring chunks are blended over so many samples, at most chunk_samples.'),
  })
  .refine(
    ({ fade_samples: fade, chunk_samples: chunk }) => fade <= chunk,
    'fade_samples is more than chunk_samples: a chunk would be blended with one that is not its neighbour',
  )
  .describe('Makes the model one of /v1/separate: a waveform [channels, samples] in, stems of the same shape out.');

const cache = z
  .strictObject({
    bytes_max: count(1, 2 ** 40)
      .default(64 * 2 ** 20)
      .describe('Bytes of answers that are remembered at most; the least recently used make room.'),
    input_bytes_max: count(1, 2 ** 26)
      .default(2 ** 20)
      .describe(
        'A request with more input bytes is run without being looked up: its bytes are hashed on the event loop.',
      ),
    across_tenants: z
      .boolean()
      .default(false)
      .describe(
        'Whether a tenant may have the answer that was made for another. It can show by its time that somebody asked the same.',
      ),
  })
  .describe(
    'Answers are remembered by the version of the model and the bytes of the inputs, until it is loaded again. For models that answer the same to the same. Absent: not at all.',
  );

const state = z
  .strictObject({
    tensors: z
      .array(
        z.strictObject({
          output: z.string().min(1).max(200).describe('The output that is the state after a call.'),
          input: z
            .string()
            .min(1)
            .max(200)
            .describe('The input that it is in the next call. A sequence begins with zeros.'),
          shape: z
            .array(count(0, 2 ** 31))
            .optional()
            .describe('How large it is at the beginning, where the model has free dimensions beside its rows.'),
        }),
      )
      .min(1)
      .max(64),
    idle_ms_max: count(10, 86_400_000)
      .default(60_000)
      .describe('A sequence without a call for this long is dropped, and counted.'),
    at_once: z
      .enum(['queue', 'refuse'])
      .default('queue')
      .describe('A call of a sequence that has one under way: waits for its turn, or is refused.'),
    queued_max: count(1, 10_000).default(16).describe('Calls of one sequence that may wait for their turn.'),
  })
  .describe(
    'The model has a state, which the service passes from call to call of a sequence: sequence_id, sequence_start and sequence_end are parameters of a request, as Triton’s clients send them.',
  );

/** What the manifests of models and of pipelines have in common. */
const common = {
  description: z.string().max(2000).default(''),
  versions,
  dimensions_max: z
    .record(z.string().min(1).max(200), count(0, 2 ** 31))
    .default({})
    .describe(
      'The largest sizes of free dimensions, by name: that of the ONNX file, or input[axis] where it has none. Those neither here nor in products_max are bounded together (VITRINE_FREE_ELEMENTS_MAX). Tasks bound theirs themselves.',
    ),
  dimensions_min: z
    .record(z.string().min(1).max(200), count(0, 2 ** 31))
    .default({})
    .describe('The least sizes, by the same names. Absent: 1. 0 where the model takes an empty dimension.'),
  products_max: z
    .array(
      z.strictObject({
        of: z.array(z.string().min(1).max(200)).min(1).max(16),
        max: count(1, Number.MAX_SAFE_INTEGER),
      }),
    )
    .max(64)
    .default([])
    .describe('The largest products of free dimensions: what inner tensors take goes by these.'),
  timeout_ms_max: count(1, 86_400_000).optional().describe('Longest deadline of a request, where below the server’s.'),
};

export const manifestSchema = z
  .strictObject({
    ...common,
    batching: batching.optional().describe('Absent: rows share a run where a trial at load finds them independent.'),
    queue,
    lanes,
    session,
    providers: z
      .array(z.enum(providerNames))
      .min(1)
      .default(['cpu'])
      .describe(
        'Execution providers in the order wanted. cpu is always the last resort, and the fall-back is reported.',
      ),
    provider_tolerance: z
      .strictObject({ absolute: z.number().min(0).default(1e-3), relative: z.number().min(0).default(1e-2) })
      .prefault({})
      .describe('How far a provider’s answer to the probe may be from the CPU’s; beyond it the provider is refused.'),
    probe_dimensions: z
      .record(z.string(), count(1, 2 ** 20))
      .default({})
      .describe('Sizes for named free dimensions in probe and warm-up; those not named are 1.'),
    retry_safe: z
      .boolean()
      .default(false)
      .describe('The batch of a lane that crashed may be run once more elsewhere: the model has no side effect.'),
    warm_up_runs: count(0, 100).default(1).describe('Runs on the probe before the model counts as ready.'),
    separator: separator.optional(),
    cache: cache.optional(),
    state: state.optional(),
    accuracy: z.record(z.string(), z.number()).default({}).describe('Known scores by validation set, to be shown.'),
  })
  .describe('Vitrine: one model of the repository');

export const pipelineSchema = z
  .strictObject({ ...common, ...pipelineParts })
  .describe('Vitrine: a pipeline, made of models of the repository and of operations');

export type ManifestFile = z.infer<typeof manifestSchema>;
export type PipelineFile = z.infer<typeof pipelineSchema>;
export type Batching = z.infer<typeof batching>;
export type CacheTerms = z.infer<typeof cache>;
export type StateTerms = z.infer<typeof state>;

export function isPipelineFile(file: ManifestFile | PipelineFile): file is PipelineFile {
  return 'steps' in file;
}

export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(z.union([manifestSchema, pipelineSchema]), { io: 'input' });
}
