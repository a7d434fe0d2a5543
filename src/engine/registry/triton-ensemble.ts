import { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { PipelineStep } from '../pipelines/pipeline-schema.ts';
import { type DataType, isDataType } from '../tensor.ts';

// Triton's ensembles, both ways. They are sent as JSON, or read from a config.pbtxt: there a list
// of one may stand without brackets, and a map is a list of keys and values.

const oneOrMany = <Item extends z.ZodType>(item: Item) =>
  z.preprocess((given) => (Array.isArray(given) ? given : given === undefined ? [] : [given]), z.array(item));

const isEntry = (given: unknown): given is { key: unknown; value: unknown } =>
  typeof given === 'object' && given !== null && 'key' in given && 'value' in given;

const names = z.preprocess(
  (given) => {
    const entries = Array.isArray(given) ? given : isEntry(given) ? [given] : undefined;
    return entries === undefined ? given : Object.fromEntries(entries.map(({ key, value }) => [key, value]));
  },
  z.record(z.string(), z.string()),
);

const ignored = z.unknown().optional();

const tensor = z.strictObject({
  name: z.string(),
  data_type: z.string().transform((word, context): DataType => {
    const ofOurs = word === 'TYPE_STRING' ? 'BYTES' : word.replace(/^TYPE_/, '');
    if (isDataType(ofOurs)) return ofOurs;
    context.addIssue(`${word} cannot be carried`);
    return z.NEVER;
  }),
  dims: oneOrMany(z.coerce.number().int().min(-1)),
  label_filename: ignored,
});

const step = z.strictObject({
  model_name: z.string(),
  model_version: z.coerce.number().int().optional(),
  input_map: names,
  output_map: names,
  model_namespace: z.literal('').optional(),
});

const version = z.union([z.string(), z.int()]);

const ensembleSchema = z.strictObject({
  name: ignored,
  platform: z.literal(['', 'ensemble']).optional(),
  backend: z.literal('').optional(),
  max_batch_size: z.int().min(0).default(0),
  version_policy: z
    .strictObject({
      all: z.strictObject({}).optional(),
      latest: z.strictObject({ num_versions: z.int().min(1).default(1) }).optional(),
      specific: z.strictObject({ versions: oneOrMany(version) }).optional(),
    })
    .optional(),
  input: oneOrMany(tensor),
  output: oneOrMany(tensor),
  ensemble_scheduling: z.strictObject({ step: oneOrMany(step) }),
});

export function isEnsemble(config: Readonly<Record<string, unknown>>): boolean {
  return config.platform === 'ensemble' || 'ensemble_scheduling' in config;
}

/** Triton's words of an ensemble as a pipeline's. */
export function fromEnsemble(given: unknown): unknown {
  const parsed = ensembleSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ServiceError(
      'invalid_model',
      say`Cannot use the configuration of the ensemble: ${ours(issue?.path.join('.') || 'the whole')}: ${ours(issue?.message ?? '')}; say it in the words of model.json (docs/pipelines.md), or leave it out.`,
    );
  }
  const {
    max_batch_size: rowsMax,
    version_policy: policy,
    input,
    output,
    ensemble_scheduling: scheduling,
  } = parsed.data;
  const described = ({ name, data_type: datatype, dims }: z.infer<typeof tensor>) => ({
    name,
    datatype,
    shape: rowsMax > 0 ? ['batch', ...dims] : dims,
  });
  return {
    ...(policy && { versions: versionsOf(policy) }),
    ...(rowsMax > 0 && { dimensions_max: { batch: rowsMax } }),
    inputs: input.map(described),
    outputs: output.map(described),
    steps: scheduling.step.map(({ model_name: model, model_version: of = -1, input_map, output_map }, place) => ({
      name: stepName(model, place, scheduling.step),
      model,
      ...(of >= 1 && { version: String(of) }),
      inputs: input_map,
      outputs: output_map,
    })),
  };
}

/** Its steps that are models, as Triton's clients read them; operations are in the parameters. */
export function ensembleScheduling(steps: readonly PipelineStep[]) {
  return {
    step: steps.flatMap(({ model, version: of, inputs, outputs }) =>
      model === undefined
        ? []
        : [
            {
              model_name: model,
              model_version: of === undefined ? -1 : Number(of),
              input_map: inputs,
              output_map: outputs,
            },
          ],
    ),
  };
}

/** Triton's steps have no names: the model's, with a number where it stands more than once. */
function stepName(model: string, place: number, steps: readonly { readonly model_name: string }[]): string {
  const before = steps.slice(0, place).filter(({ model_name: name }) => name === model).length;
  return before === 0 ? model.slice(0, 60) : `${model.slice(0, 60)}-${before + 1}`;
}

type Policy = NonNullable<z.infer<typeof ensembleSchema>['version_policy']>;

function versionsOf({ all, latest, specific }: Policy) {
  if (all) return 'all';
  if (specific) return { only: specific.versions.map(String) };
  return { latest: latest?.num_versions ?? 1 };
}
