import { z } from 'zod';
import type { Config } from '../../config.ts';
import { encodingParameter, modelNameParameter, seedParameter } from '../common-parameters.ts';
import { notUnderstood, plainText, promptCharactersMax, understandable } from './read-prompt.ts';

export function generateParameters({ generateSecondsMax }: Pick<Config, 'generateSecondsMax'>) {
  return z
    .strictObject({
      prompt: z
        .string()
        .min(1)
        .max(promptCharactersMax)
        .refine((prompt) => plainText.test(prompt), 'it holds control characters; send plain text')
        .refine((prompt) => understandable.test(prompt), {
          error: notUnderstood,
          params: { failure: 'prompt_not_understood' },
        })
        .describe(
          'What should sound, in words: sources, pitch, pace, loudness, as in "three bright bells in gusty wind".',
        )
        .meta({
          example: 'a bright bell in the rain',
          override: ({ jsonSchema }) => {
            jsonSchema.allOf = [{ pattern: plainText.source }, { pattern: understandable.source }];
          },
        }),
      duration_seconds: z
        .number()
        .min(0.05)
        .max(generateSecondsMax)
        .default(5)
        .describe('Length of the sound (at most VITRINE_GENERATE_SECONDS_MAX).'),
      seed: seedParameter,
      model: modelNameParameter('procedural-synthesizer'),
      encoding: encodingParameter,
    })
    .meta({ id: 'GenerateRequest' });
}
