import { z } from 'zod';

const name = z.string().min(1).max(200);

/** batching.padding in model.json: how rows of different lengths share a batch. */
export const paddingRule = z
  .strictObject({
    dimensions: z
      .array(name)
      .min(1)
      .max(8)
      .describe(
        'Free dimensions beside the rows in which requests may differ, by name: that of the ONNX file, or input[axis] where it has none.',
      ),
    values: z
      .record(name, z.union([z.number(), z.string().max(1000)]))
      .default({})
      .describe('What an input is padded with, by its name. Absent: 0, or the empty text.'),
    mask: name
      .optional()
      .describe(
        'An input that is 1 for what belongs to the request and 0 for padding. Vitrine makes it for requests that leave it out.',
      ),
    outputs: z
      .array(z.strictObject({ output: name, axis: z.int().min(1).max(64), dimension: name }))
      .max(64)
      .default([])
      .describe(
        'Axes of outputs that have the size of a padded dimension, where the ONNX file does not call them the same: an answer is cut back there.',
      ),
    waste_max: z
      .number()
      .min(0)
      .max(0.95)
      .default(0.5)
      .describe('The largest part of a batch, along the padded dimensions, that may be padding.'),
  })
  .describe(
    'Rows of different lengths share a batch: shorter ones are padded, and their answers cut back. Absent: only rows of the same lengths do.',
  );

export type PaddingRule = z.infer<typeof paddingRule>;
