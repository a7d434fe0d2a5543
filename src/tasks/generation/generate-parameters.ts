import { z } from 'zod';
import type { Config } from '../../config.ts';
import { encodingParameter, modelNameParameter, seedParameter, streamParameter } from '../common-parameters.ts';
import { isPlainText, notUnderstood, plainText, promptCharactersMax, understandable } from './read-prompt.ts';

export function generateParameters({ generateSecondsMax }: Pick<Config, 'generateSecondsMax'>) {
  return z
    .strictObject({
      prompt: z
        .string()
        .min(1)
        .max(promptCharactersMax)
        .refine(isPlainText, 'it holds control characters; send plain text')
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
            jsonSchema.pattern = understandable.source;
            jsonSchema.allOf = [{ pattern: plainText.source }];
          },
        }),
      duration_seconds: z
        .number()
        .min(0.05)
        .max(generateSecondsMax)
        .default(Math.min(5, generateSecondsMax))
        .describe('Length of the sound (at most VITRINE_GENERATE_SECONDS_MAX).'),
      seed: seedParameter,
      model: modelNameParameter('procedural-synthesizer'),
      encoding: encodingParameter,
      stream: streamParameter,
    })
    .meta({ id: 'GenerateRequest' });
}
