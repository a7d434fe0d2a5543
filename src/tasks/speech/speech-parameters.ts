import { z } from 'zod';

export function speechParameters() {
  return z
    .strictObject({
      threshold: z.number().min(0.05).max(0.95).default(0.5).describe('Probability from which on it counts as speech.'),
    })
    .meta({ id: 'SpeechRequest' });
}
