import { z } from 'zod';
import type { Config } from '../../config.ts';
import { encodingParameter, modelNameParameter, seedParameter } from '../common-parameters.ts';
import { promptCharactersMax } from './read-prompt.ts';

export function generateParameters({ generateSecondsMax }: Pick<Config, 'generateSecondsMax'>) {
  return z
    .strictObject({
      prompt: z
        .string()
        .min(1)
        .max(promptCharactersMax)
        .describe(
          'What should sound, in words: sources, pitch, pace, loudness, as in "three bright bells in gusty wind".',
        )
        .meta({ example: 'a bright bell in the rain' }),
      duration_seconds: z.coerce
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
