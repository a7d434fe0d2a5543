import { z } from 'zod';

// What several tasks take.

export const seedParameter = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(0)
  .describe('The same seed gives the same bytes.');

export const encodingParameter = z
  .enum(['pcm16', 'pcm24', 'float32'])
  .default('pcm16')
  .describe('How samples stand in the WAV files that come back.');

export const streamParameter = z
  .boolean()
  .optional()
  .describe(
    'true: the sound is sent while it is made, as a chunked WAV file. Accept: audio/pcm or text/event-stream asks for it too.',
  );

export function modelNameParameter(fallback: string) {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'not the name of a model')
    .default(fallback)
    .describe('A model of the repository that can do this task.');
}
