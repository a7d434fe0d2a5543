import { z } from 'zod';
import { dataTypes } from '../tensor.ts';
import { operationNames } from './operations/operation-names.ts';

// models/<name>/model.json of a pipeline: steps in place of a model.onnx.

const tensorName = z.string().min(1).max(200);
const wires = (what: string) => z.record(tensorName, tensorName).describe(what);

const step = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
      .describe('What spans, records and failures call it.'),
    model: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
      .optional()
      .describe('A model, or another pipeline, of the repository.'),
    version: z
      .string()
      .regex(/^[1-9]\d{0,17}$/)
      .optional()
      .describe('Of the model. Absent: the newest that is ready.'),
    operation: z.enum(operationNames).optional().describe('Work of the service’s own, in place of a model.'),
    with: z.record(z.string(), z.unknown()).optional().describe('How the operation is done (docs/pipelines.md).'),
    inputs: wires('By each of its inputs, the tensor that it takes.'),
    outputs: wires('By those of its outputs that are needed, the tensor that it gives.'),
  })
  .refine(({ model, operation }) => (model === undefined) !== (operation === undefined), 'name a model or an operation')
  .refine(({ version, model }) => version === undefined || model !== undefined, 'only a model has a version')
  .refine(({ with: how, operation }) => how === undefined || operation !== undefined, 'only an operation has "with"');

const tensor = z.strictObject({
  name: tensorName,
  datatype: z.enum(Object.keys(dataTypes) as [keyof typeof dataTypes]),
  shape: z
    .array(
      z.union([
        z
          .int()
          .min(-1)
          .max(2 ** 31),
        z.string().min(1).max(200),
      ]),
    )
    .max(16)
    .describe('-1 or a name where the size is free; equal names are equal sizes.'),
});

const once = (names: readonly string[]) => new Set(names).size === names.length;
const namedOnce = (those: readonly { readonly name: string }[]) => once(those.map(({ name }) => name));

/** The parts that a pipeline's model.json has beside what every model has. */
export const pipelineParts = {
  inputs: z.array(tensor).min(1).max(64).refine(namedOnce, 'each input once').describe('What a request gives.'),
  steps: z
    .array(step)
    .min(1)
    .max(64)
    .refine(namedOnce, 'each step has a name of its own')
    .describe('In any order: a step runs as soon as what it takes is there.'),
  outputs: z
    .array(z.union([tensorName, tensor]))
    .min(1)
    .max(64)
    .refine((those) => once(those.map((one) => (typeof one === 'string' ? one : one.name))), 'each output once')
    .describe('What is answered: names of tensors, or the same with the type and shape that they must have.'),
};

export type PipelineStep = z.infer<typeof step>;
export type PipelineTensor = z.infer<typeof tensor>;
