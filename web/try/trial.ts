/** A field of a trial's form. */
export type Field =
  | { kind: 'file'; name: string; label: string; several?: boolean; optional?: boolean; hint?: string; example?: true }
  | {
      kind: 'text';
      name: string;
      label: string;
      value: string;
      hint?: string;
      long?: true;
      examples?: readonly string[];
    }
  | { kind: 'number'; name: string; label: string; value: number; min: number; max: number; step: number }
  | { kind: 'choice'; name: string; label: string; value: string; of: readonly string[] }
  | { kind: 'check'; name: string; label: string; checked: boolean };

/** Something to try: a task with its form, or any model as it is. */
export type Trial = {
  id: string;
  title: string;
  says: string;
  path: string;
  /** form: multipart, since it takes files; json: the fields as one object. */
  body: 'form' | 'json';
  accept?: string;
  fields: readonly Field[];
};

export const trials: readonly Trial[] = [
  {
    id: 'separate',
    title: 'Separate a sound',
    says: 'Splits a sound into what sings and what strikes, and plays the stems beside the original.',
    path: '/v1/separate',
    body: 'form',
    accept: 'application/zip',
    fields: [
      { kind: 'file', name: 'file', label: 'A sound', hint: 'wav, flac, mp3, ogg or aiff', example: true },
      { kind: 'text', name: 'model_name', label: 'Model', value: 'harmonic-percussive' },
    ],
  },
  {
    id: 'generate',
    title: 'Generate a sound',
    says: 'Makes a sound from words: sources, pitch, pace, loudness.',
    path: '/v1/generate',
    body: 'json',
    fields: [
      {
        kind: 'text',
        name: 'prompt',
        label: 'What should sound',
        value: 'a bright bell in the rain',
        examples: ['three deep bells in gusty wind', 'slow waves on a beach', 'a low drone with soft clicks'],
      },
      { kind: 'number', name: 'duration_seconds', label: 'Seconds', value: 5, min: 1, max: 60, step: 1 },
      { kind: 'number', name: 'seed', label: 'Seed', value: 1, min: 0, max: 1_000_000, step: 1 },
    ],
  },
  {
    id: 'score',
    title: 'Score sounds',
    says: 'Measures how sounds are: how listeners would judge them, loudness, noise, clipping, silence; several are ranked.',
    path: '/v1/score',
    body: 'form',
    fields: [
      {
        kind: 'file',
        name: 'file',
        label: 'One sound or several',
        several: true,
        hint: 'wav, flac, mp3, ogg or aiff',
        example: true,
      },
      { kind: 'file', name: 'reference', label: 'The clean original, if there is one', optional: true },
    ],
  },
  {
    id: 'microstructure',
    title: 'Grow a microstructure',
    says: 'Draws two-phase microstructures of an alloy by diffusion, and measures them.',
    path: '/v1/microstructure',
    body: 'json',
    accept: 'image/png',
    fields: [
      {
        kind: 'choice',
        name: 'alloy',
        label: 'Alloy',
        value: 'dual-phase-steel',
        of: ['dual-phase-steel', 'Ti-6Al-4V', 'Inconel-718', 'AlSi10Mg', 'cast-iron', 'spinodal-FeCr'],
      },
      { kind: 'choice', name: 'size', label: 'Pixels a side', value: '256', of: ['64', '128', '256', '512'] },
      { kind: 'number', name: 'samples', label: 'Samples', value: 1, min: 1, max: 16, step: 1 },
      { kind: 'number', name: 'steps', label: 'Steps', value: 50, min: 10, max: 200, step: 5 },
      { kind: 'number', name: 'seed', label: 'Seed', value: 1, min: 0, max: 1_000_000, step: 1 },
    ],
  },
  {
    id: 'speech',
    title: 'Find speech',
    says: 'Says where in a sound somebody speaks.',
    path: '/v1/speech',
    body: 'form',
    fields: [
      { kind: 'file', name: 'file', label: 'A sound', hint: 'wav, flac, mp3, ogg or aiff' },
      { kind: 'number', name: 'threshold', label: 'Threshold', value: 0.5, min: 0.05, max: 0.95, step: 0.05 },
    ],
  },
];
