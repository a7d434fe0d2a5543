import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import { type SoundSourceName, soundSources } from './sound-sources.ts';

/** What a prompt asks for, in the terms that the synthesizer has. */
export type SoundWish = {
  /**
   * At most four, in the order they are named; a prompt that only says how ("low and dark") gets a
   * bell.
   */
  readonly sources: readonly SoundSourceName[];
  /** In Hz, where the prompt says it ("440 Hz", "A4"). */
  readonly pitchHz: number | undefined;
  /** Factors of what the source has by itself. */
  readonly pitchFactor: number;
  readonly ringFactor: number;
  readonly rateFactor: number;
  readonly strokesPerSecond: number | undefined;
  /** Strokes in the whole sound, where the prompt says it ("three bells", "once"). */
  readonly strokes: number | undefined;
  /** Decibels an octave above the lowest band or mode: above 0 brighter. */
  readonly brightnessDb: number;
  readonly levelDb: number;
  readonly swellFactor: number;
  /** The words that had an effect, and those that had none: nothing is pretended. */
  readonly understood: readonly string[];
  readonly ignored: readonly string[];
};

export const promptCharactersMax = 2000;
const sourcesMax = 4;

type Change = {
  [Factor in 'pitchFactor' | 'ringFactor' | 'rateFactor' | 'brightnessDb' | 'levelDb' | 'swellFactor']?: number;
};

/**
 * Reads a prompt by its words: a fixed vocabulary and a few patterns of numbers, no language model.
 * The same prompt is the same wish.
 */
export function readPrompt(prompt: string): SoundWish {
  checkPrompt(prompt);
  const wish = { pitchFactor: 1, ringFactor: 1, rateFactor: 1, brightnessDb: 0, levelDb: 0, swellFactor: 1 };
  const sources = new Set<SoundSourceName>();
  const understood: string[] = [];
  const { figures, rest } = readFigures(prompt, understood);
  const ignored: string[] = [];
  let strokes = figures.strokes;
  for (const word of rest.toLowerCase().match(aWord) ?? []) {
    const source = sourceByWord.get(word);
    const change = changes[word];
    const count = counts[word];
    if (source && sources.size < sourcesMax) sources.add(source);
    else if (change) {
      wish.pitchFactor *= change.pitchFactor ?? 1;
      wish.ringFactor *= change.ringFactor ?? 1;
      wish.rateFactor *= change.rateFactor ?? 1;
      wish.swellFactor *= change.swellFactor ?? 1;
      wish.brightnessDb += change.brightnessDb ?? 0;
      wish.levelDb += change.levelDb ?? 0;
    } else if (count !== undefined) strokes ??= count;
    else {
      if (!fillers.has(word)) ignored.push(word);
      continue;
    }
    understood.push(word);
  }
  if (understood.length === 0) throw new ServiceError('prompt_not_understood', notUnderstood());
  return {
    ...bounded(wish),
    sources: sources.size === 0 ? ['bell'] : [...sources],
    pitchHz: figures.pitchHz,
    strokesPerSecond: figures.strokesPerSecond,
    strokes,
    understood,
    ignored,
  };
}

/** Nothing is pretended: what is not understood gets no sound. */
export function notUnderstood(): string {
  const things = Object.values(soundSources).map(({ words }) => words[0]);
  return `Cannot read the prompt: none of its words is known; name what sounds (${things.join(', ')}), and how (${Object.keys(changes).slice(0, 24).join(', ')} …, 440 Hz, A4, 90 bpm, three), as in "a bright bell in the rain".`;
}

function checkPrompt(prompt: string): void {
  const refused = (why: string, remedy: string) =>
    new ServiceError('invalid_input', say`Cannot read the prompt: ${ours(why)}; ${ours(remedy)}.`);
  if (prompt.length > promptCharactersMax) {
    throw refused(`it has ${prompt.length} characters`, `send at most ${promptCharactersMax}`);
  }
  if (prompt.trim() === '') throw refused('it is empty', 'say what should sound, as in "a bright bell in the rain"');
  if (!isPlainText(prompt)) throw refused('it holds control characters', 'send plain text');
}

/**
 * No control, invisible or private characters but line breaks and the joiner of emoji. As ranges,
 * since tools that make strings from the description expand `\P{C}` to all of Unicode.
 */
export const plainText =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff]*$/u;

/** Half of a surrogate pair is no character; the pattern of the description cannot name it. */
export function isPlainText(prompt: string): boolean {
  return prompt.isWellFormed() && plainText.test(prompt);
}

/** The letters of words, as ranges: some languages' regular expressions know fewer by `\p{L}`. */
const letters = String.raw`A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u1fff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufdff`;
const aWord = new RegExp(`[${letters}]+`, 'gu');

const [strokesPerSecondMin, strokesPerSecondMax] = [1e-6, 50];

/** Never 0: the first stroke sounds at the beginning, and none would follow it. */
function rate(perSecond: number): number {
  return Math.min(strokesPerSecondMax, Math.max(strokesPerSecondMin, perSecond));
}

const strokesMax = 500;

/** Numbers with their units; what is left of the prompt goes on to the words. */
function readFigures(prompt: string, understood: string[]) {
  const figures: { pitchHz?: number; strokesPerSecond?: number; strokes?: number } = {};
  let rest = prompt;
  const take = (pattern: RegExp, use: (found: RegExpExecArray) => void) => {
    const found = pattern.exec(rest);
    if (!found) return;
    use(found);
    understood.push(found[0].trim());
    rest = `${rest.slice(0, found.index)} ${rest.slice(found.index + found[0].length)}`;
  };
  const number = String.raw`(\d{1,6}(?:\.\d{1,6})?)`;
  take(new RegExp(String.raw`\b${number}\s?(k?)hz\b`, 'i'), ([, value, kilo]) => {
    figures.pitchHz = Math.min(20_000, Math.max(20, Number(value) * (kilo ? 1000 : 1)));
  });
  take(/\b([A-G])([#b♯♭]?)([0-8])\b/, ([, letter, sign, octave]) => {
    const semitones = { C: -9, D: -7, E: -5, F: -4, G: -2, A: 0, B: 2 }[letter as 'A'] ?? 0;
    const shift = sign === '' ? 0 : sign === '#' || sign === '♯' ? 1 : -1;
    figures.pitchHz = 440 * 2 ** ((semitones + shift) / 12 + Number(octave) - 4);
  });
  take(
    new RegExp(String.raw`\b${number}\s(?:times |strokes |beats |hits )?(?:a|per) (second|minute)\b`, 'i'),
    ([, value, per]) => {
      figures.strokesPerSecond = rate(Number(value) / (per?.toLowerCase() === 'minute' ? 60 : 1));
    },
  );
  take(new RegExp(String.raw`\b${number}\s?bpm\b`, 'i'), ([, value]) => {
    figures.strokesPerSecond = rate(Number(value) / 60);
  });
  take(new RegExp(String.raw`\bevery ${number} seconds?\b`, 'i'), ([, value]) => {
    figures.strokesPerSecond = rate(1 / Number(value));
  });
  take(new RegExp(String.raw`\b(\d{1,4})\b(?=\s+(?:times|strokes|[${letters}]+s\b))`, 'iu'), ([, value]) => {
    figures.strokes = Math.min(strokesMax, Math.max(1, Number(value)));
  });
  return {
    figures: { pitchHz: figures.pitchHz, strokesPerSecond: figures.strokesPerSecond, strokes: figures.strokes },
    rest,
  };
}

function bounded<Wish extends Required<Change>>(wish: Wish): Wish {
  const within = (value: number, factor: number) => Math.min(factor, Math.max(1 / factor, value));
  return {
    ...wish,
    pitchFactor: within(wish.pitchFactor, 16),
    ringFactor: within(wish.ringFactor, 8),
    rateFactor: within(wish.rateFactor, 16),
    swellFactor: within(wish.swellFactor, 4),
    brightnessDb: Math.min(12, Math.max(-12, wish.brightnessDb)),
    levelDb: Math.min(0, Math.max(-40, wish.levelDb)),
  };
}

const changes: Readonly<Record<string, Change>> = Object.assign(Object.create(null) as Record<string, Change>, {
  ...words('high higher small tiny little', { pitchFactor: 2 }),
  ...words('low lower deep large big huge', { pitchFactor: 0.5 }),
  ...words('bright brilliant sharp clear sparkling', { brightnessDb: 3 }),
  ...words('dark dull muffled warm soft mellow', { brightnessDb: -4 }),
  ...words('short dry brief damped muted staccato', { ringFactor: 0.35 }),
  ...words('long ringing sustained resonant echoing', { ringFactor: 2.5 }),
  ...words('fast quick rapid hurried', { rateFactor: 2.5 }),
  ...words('slow slowly calm lazy', { rateFactor: 0.4 }),
  ...words('quiet gentle faint distant silent', { levelDb: -12 }),
  ...words('light', { levelDb: -6 }),
  ...words('loud heavy strong intense', { levelDb: 0, rateFactor: 1.5, brightnessDb: 1 }),
  ...words('steady constant even', { swellFactor: 0.25 }),
  ...words('gusty rolling swelling changing', { swellFactor: 2 }),
});

const counts: Readonly<Record<string, number>> = Object.assign(Object.create(null) as Record<string, number>, {
  once: 1,
  single: 1,
  one: 1,
  twice: 2,
  two: 2,
  three: 3,
  thrice: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  twelve: 12,
});

const fillers = new Set(
  'a an the in on of and with at to from by sound sounds noises like is are its it hitting playing'.split(' '),
);

const sourceByWord = new Map(
  (Object.keys(soundSources) as SoundSourceName[]).flatMap((name) =>
    soundSources[name].words.map((word) => [word, name] as const),
  ),
);

function words(list: string, change: Change): Record<string, Change> {
  return Object.fromEntries(list.split(' ').map((word) => [word, change]));
}

/**
 * What a prompt has at least one of, as a pattern: a word that is known, or one of the figures of
 * readFigures. For the description of the API, and for what is checked before a job is made.
 */
export const understandable = (() => {
  const number = String.raw`[0-9]{1,6}(?:\.[0-9]{1,6})?`;
  const figures = [
    `${number}\\s?[Kk]?[Hh][Zz]`,
    '[A-G][#b♯♭]?[0-8]',
    `${number}\\s(?:${['times', 'strokes', 'beats', 'hits'].map((each) => `${anyCase(each)} `).join('|')})?(?:${anyCase('a')}|${anyCase('per')}) (?:${anyCase('second')}|${anyCase('minute')})`,
    `${number}\\s?${anyCase('bpm')}`,
    `${anyCase('every')} ${number} ${anyCase('second')}[sS]?`,
    `[0-9]{1,4}\\s+[${letters}]+[sS]`,
  ];
  const known = [...sourceByWord.keys(), ...Object.keys(changes), ...Object.keys(counts)].map(anyCase);
  return new RegExp(
    `(?:^|[^${letters}])(?:${known.join('|')})(?:[^${letters}]|$)|(?:^|[^0-9A-Za-z_])(?:${figures.join('|')})(?:[^0-9A-Za-z_]|$)`,
    'u',
  );
})();

function anyCase(word: string): string {
  return word.replace(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
}
