import { z } from 'zod';
import { encodingParameter, modelNameParameter, streamParameter } from '../common-parameters.ts';

export function separateParameters() {
  return z
    .strictObject({
      model_name: modelNameParameter('harmonic-percussive').describe(
        'A model of the repository whose manifest has a separator section: one of ours, or your own.',
      ),
      stems: z
        .union([
          z.array(z.string().max(64)).min(1).max(16),
          z
            .string()
            .max(1024)
            .transform((text) => text.split(',').map((name) => name.trim())),
        ])
        .optional()
        .describe('Which stems to make, by name; all when left out. In a form: with commas between.'),
      stem: z.string().max(64).optional().describe('One stem, answered as a WAV file instead of a zip.'),
      format: z
        .enum(['zip', 'wav', 'json'])
        .optional()
        .describe(
          'zip: all stems, named after them. wav: the one of `stem`. json: what was done, with links to the stems (as a job). Else Accept decides.',
        ),
      encoding: encodingParameter,
      stream: streamParameter,
    })
    .meta({ id: 'SeparateRequest' });
}
