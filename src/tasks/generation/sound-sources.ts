/**
 * Something that is struck (or plucked, or drips): a few damped sines and a burst of noise at each
 * stroke.
 */
export type StruckSource = {
  readonly kind: 'struck';
  readonly words: readonly string[];
  readonly pitchHz: number;
  /** Frequencies of the modes, as multiples of the pitch. */
  readonly ratios: readonly number[];
  /**
   * How long the lowest mode takes to fade by 60 dB; higher ones fade faster by `damping` (the
   * exponent of their ratio).
   */
  readonly ringSeconds: number;
  readonly damping: number;
  /** How much weaker each mode is: amplitude = ratio ^ −tilt. */
  readonly tilt: number;
  /** The stroke's noise: its level, and how long it takes to fade by 60 dB. */
  readonly strike: { readonly level: number; readonly seconds: number; readonly bandsDb: readonly number[] };
  readonly strokesPerSecond: number;
  /** Whether strokes come regularly (0) or by chance (1). */
  readonly chance: number;
};

/**
 * Something that goes on: noise in eight octave bands (lowest first, in dB) that swells, and
 * perhaps a tone under it.
 */
export type LastingSource = {
  readonly kind: 'lasting';
  readonly words: readonly string[];
  readonly bandsDb: readonly number[];
  readonly swell: { readonly perSecond: number; readonly depth: number };
  readonly tone?: { readonly pitchHz: number; readonly ratios: readonly number[]; readonly level: number };
};

const click = [-30, -24, -18, -12, -6, 0, 0, -6];
const thud = [0, -3, -9, -15, -21, -27, -33, -39];

/**
 * What a prompt can name. Ratios are from textbook bodies: bars, plates, membranes, strings, and a
 * tuned bell.
 */
export const soundSources = {
  bell: struck(
    'bell bells chime chimes gong church',
    440,
    [0.5, 1, 1.183, 1.506, 2, 2.514, 2.662, 3.011, 4.166],
    4,
    0.9,
    0.6,
    [0.15, 0.03, click],
    0.5,
  ),
  glass: struck(
    'glass glasses crystal bottle',
    1400,
    [1, 2.32, 4.25, 6.63, 9.38],
    1.4,
    0.8,
    0.5,
    [0.1, 0.01, click],
    1,
  ),
  metal: struck(
    'metal metallic steel iron anvil pan',
    520,
    [1, 2.756, 5.404, 8.933, 13.34],
    1.8,
    0.6,
    0.4,
    [0.3, 0.02, click],
    1,
  ),
  wood: struck(
    'wood wooden marimba xylophone block knock knocking',
    330,
    [1, 3.93, 9.24, 16.3],
    0.35,
    0.7,
    0.9,
    [0.4, 0.03, [-12, -6, 0, 0, -6, -12, -18, -24]],
    2,
  ),
  drum: struck(
    'drum drums tom kick percussion',
    95,
    [1, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156],
    0.6,
    0.9,
    0.8,
    [0.7, 0.09, thud],
    2,
  ),
  string: struck(
    'string strings guitar harp pluck plucked piano',
    220,
    [1, 2.0003, 3.001, 4.003, 5.006, 6.01, 7.016, 8.024, 9.034, 10.05],
    2.5,
    0.6,
    1,
    [0.1, 0.02, click],
    1.5,
  ),
  footsteps: struck(
    'footstep footsteps steps walking',
    70,
    [1, 1.7, 2.9],
    0.12,
    0.6,
    0.7,
    [1, 0.12, [-3, 0, -3, -9, -12, -15, -18, -24]],
    1.8,
  ),
  drops: struck('drop drops drip dripping droplets', 1250, [1, 1.9, 2.7], 0.12, 0.5, 1.2, [0.05, 0.01, click], 4, 0.8),
  rain: lasting('rain rainy raining drizzle shower', [-24, -20, -15, -10, -5, -2, 0, -1], 0.6, 0.25),
  wind: lasting('wind windy breeze storm howling', [-4, 0, -1, -6, -13, -20, -28, -36], 0.25, 0.85),
  sea: lasting('sea ocean wave waves surf beach', [-10, -6, -2, 0, -2, -5, -9, -14], 0.12, 0.95),
  fire: lasting('fire campfire crackling flames', [-3, 0, -6, -12, -14, -12, -10, -12], 3, 0.6),
  stream: lasting('stream river brook water waterfall', [-16, -12, -7, -2, 0, -2, -5, -9], 1.2, 0.3),
  noise: lasting('noise static hiss white', [-21, -18, -15, -12, -9, -6, -3, 0], 0, 0),
  hum: lasting('hum humming drone engine motor machine', [-18, -20, -26, -32, -38, -44, -50, -56], 0.2, 0.1, [
    60,
    [1, 2, 3, 4, 5, 6],
    0.5,
  ]),
  tone: lasting('tone sine beep note whistle', new Array<number>(8).fill(-90), 0, 0, [440, [1], 0.7]),
} as const satisfies Record<string, StruckSource | LastingSource>;

export type SoundSourceName = keyof typeof soundSources;

function struck(
  words: string,
  pitchHz: number,
  ratios: readonly number[],
  ringSeconds: number,
  damping: number,
  tilt: number,
  [level, seconds, bandsDb]: readonly [level: number, seconds: number, bandsDb: readonly number[]],
  strokesPerSecond: number,
  chance = 0.1,
): StruckSource {
  const strike = { level, seconds, bandsDb };
  return {
    kind: 'struck',
    words: words.split(' '),
    pitchHz,
    ratios,
    ringSeconds,
    damping,
    tilt,
    strike,
    strokesPerSecond,
    chance,
  };
}

function lasting(
  words: string,
  bandsDb: readonly number[],
  perSecond: number,
  depth: number,
  tone?: readonly [pitchHz: number, ratios: readonly number[], level: number],
): LastingSource {
  const swell = { perSecond, depth };
  const source = { kind: 'lasting', words: words.split(' '), bandsDb, swell } as const;
  return tone ? { ...source, tone: { pitchHz: tone[0], ratios: tone[1], level: tone[2] } } : source;
}
