import { SeededRandom } from '../mathematics/seeded-random.ts';
import type { SoundWish } from './read-prompt.ts';
import { type LastingSource, type SoundSourceName, type StruckSource, soundSources } from './sound-sources.ts';

/**
 * The synthesizer model's figures: samples in a block, bands, and the rate that the sources are
 * made for.
 */
export const synthesis = { sampleRateHz: 44_100, blockSamples: 1024, bands: 8 };

/** Voices that are rendered together, and when they sound. */
export type VoiceGroup = {
  readonly voices: readonly Voice[];
  readonly blocks: number;
  /** The first blocks, where the noise ends before the modes do. */
  readonly noiseBlocks: number;
  readonly onsets: readonly Onset[];
  /** The largest sample to be expected; undefined: that of the beginning, as strokes have it. */
  readonly peak: number | undefined;
};

export type Onset = { readonly voice: number; readonly startSample: number; readonly gain: number };

export type Voice = {
  readonly modes: readonly Mode[];
  /** The factor of all modes at a time. */
  readonly modeLevel: (seconds: number) => number;
  /** The noise's level in a band at a time, and how fast it fades besides. */
  readonly noiseLevel: (band: number, seconds: number) => number;
  readonly noiseFadePerSecond: number;
  /** Of its noise. */
  readonly random: SeededRandom;
};

export type Mode = {
  readonly hz: number;
  readonly fadePerSecond: number;
  readonly amplitude: number;
  /** In turns. */
  readonly phase: number;
};

/** Strokes that differ a little; more of those that are short than of those that ring. */
const variantsMax = 6;
const strokesMax = 500;
/** Seconds that a struck voice may ring. */
const ringSecondsMax = 8;

/**
 * What to run for a wish: one group a source. The same wish, length and seed make the same sound.
 */
export function planSound(wish: SoundWish, durationSeconds: number, seed: number): VoiceGroup[] {
  return wish.sources.map((name) => {
    const source: StruckSource | LastingSource = soundSources[name];
    return source.kind === 'struck'
      ? planStrokes(name, source, wish, durationSeconds, seed)
      : planLasting(name, source, wish, durationSeconds, seed);
  });
}

/**
 * A few variants of the stroke, so that no two in a row are the same, and the moments at which they
 * sound.
 */
function planStrokes(
  name: SoundSourceName,
  source: StruckSource,
  wish: SoundWish,
  seconds: number,
  seed: number,
): VoiceGroup {
  const random = new SeededRandom(seed, `${name}/strokes`);
  const ring = Math.min(ringSecondsMax, seconds, source.ringSeconds * wish.ringFactor);
  const burst = source.strike.seconds * Math.sqrt(wish.ringFactor);
  const pitch = (wish.pitchHz ?? source.pitchHz) * wish.pitchFactor;
  const times = strokeTimes(source, wish, seconds, random);
  const variants = Math.min(times.length, ring > 1 ? variantsMax / 2 : variantsMax);
  const onsets = times.map((at) => ({
    voice: Math.floor(random.uniform() * variants),
    startSample: Math.round(at * synthesis.sampleRateHz),
    gain: random.between(0.75, 1),
  }));
  const voices = Array.from({ length: variants }, (_, variant): Voice => {
    const detune = wish.pitchHz === undefined ? 2 ** (random.between(-0.3, 0.3) / 12) : 1;
    const modes = source.ratios.map((ratio) => ({
      hz: pitch * detune * ratio,
      fadePerSecond: fadeOver(ring) * Math.max(1, ratio) ** source.damping,
      amplitude:
        ratio ** -source.tilt * decibels(wish.brightnessDb * Math.log2(Math.max(1, ratio))) * random.between(0.7, 1),
      // Sines begin at zero: no click but the one that is meant.
      phase: 0,
    }));
    return {
      modes: audible(modes),
      modeLevel: () => 1,
      noiseLevel: (band) => source.strike.level * decibels((source.strike.bandsDb[band] ?? 0) + bandTilt(wish, band)),
      noiseFadePerSecond: fadeOver(burst),
      random: new SeededRandom(seed, `${name}/noise/${variant}`),
    };
  });
  const blocks = blocksFor(ring);
  return { voices, blocks, noiseBlocks: Math.min(blocks, blocksFor(burst)), onsets, peak: undefined };
}

function strokeTimes(source: StruckSource, wish: SoundWish, seconds: number, random: SeededRandom): number[] {
  const perSecond = wish.strokesPerSecond ?? source.strokesPerSecond * wish.rateFactor;
  const wanted = wish.strokes ?? Math.max(1, Math.ceil(seconds * perSecond));
  const count = Math.min(wanted, strokesMax);
  // A number of strokes without a rate is spread so that the last one still rings.
  const interval =
    wish.strokes !== undefined && wish.strokesPerSecond === undefined
      ? Math.min(1 / perSecond, (0.8 * seconds) / count)
      : 1 / perSecond;
  const times = Array.from({ length: count }, (_, index) => {
    const drift = index === 0 ? 0 : source.chance * interval * random.between(-0.5, 0.5);
    return index * interval + drift;
  });
  return times.filter((at) => at < seconds);
}

/** One voice as long as the sound. */
function planLasting(
  name: SoundSourceName,
  source: LastingSource,
  wish: SoundWish,
  seconds: number,
  seed: number,
): VoiceGroup {
  const random = new SeededRandom(seed, `${name}/swell`);
  const swell = slowWave(random, source.swell.perSecond * wish.rateFactor);
  const depth = Math.min(1, source.swell.depth * wish.swellFactor);
  const pitch = (wish.pitchHz ?? source.tone?.pitchHz ?? 0) * wish.pitchFactor;
  const toneLevel = source.tone?.level ?? 0;
  const modes = (source.tone?.ratios ?? []).map((ratio) => ({
    hz: pitch * ratio,
    fadePerSecond: 0,
    amplitude: (toneLevel / ratio) * decibels(wish.brightnessDb * Math.log2(ratio)),
    phase: ratio === 1 ? 0 : random.uniform(),
  }));
  const level = (at: number) => 1 - depth + depth * (0.5 + 0.5 * swell(at));
  const voice: Voice = {
    modes: audible(modes),
    modeLevel: level,
    noiseLevel: (band, at) => decibels((source.bandsDb[band] ?? 0) + bandTilt(wish, band)) * level(at),
    noiseFadePerSecond: 0,
    random: new SeededRandom(seed, `${name}/noise`),
  };
  const blocks = blocksFor(seconds);
  const onsets = [{ voice: 0, startSample: 0, gain: 1 }];
  return { voices: [voice], blocks, noiseBlocks: blocks, onsets, peak: peakOf(voice, blocks) };
}

/** How far above its root mean square noise goes once in some seconds. */
const noiseCrest = 4.75;

/** At its loudest: noise of several bands adds up by power, tones by amplitude. */
function peakOf(voice: Voice, blocks: number): number {
  const tones = voice.modes.reduce((sum, { amplitude }) => sum + amplitude, 0);
  let peak = 0;
  for (let border = 0; border <= blocks; border += 1) {
    const at = timeOf(border);
    let power = 0;
    for (let band = 0; band < synthesis.bands; band += 1) power += voice.noiseLevel(band, at) ** 2;
    peak = Math.max(peak, tones * voice.modeLevel(at) + noiseCrest * Math.sqrt(power));
  }
  return peak;
}

function blocksFor(seconds: number): number {
  return Math.max(1, Math.ceil((seconds * synthesis.sampleRateHz) / synthesis.blockSamples));
}

/** When the border between two blocks is, in seconds. */
export function timeOf(border: number): number {
  return (border * synthesis.blockSamples) / synthesis.sampleRateHz;
}

/** Modes that would lie beyond half the rate (and fold back) or above hearing are left out. */
function audible(modes: Voice['modes']): Voice['modes'] {
  return modes.filter(({ hz }) => hz < 0.45 * synthesis.sampleRateHz);
}

/** A wave between −1 and 1 around a rate, never quite repeating. */
function slowWave(random: SeededRandom, perSecond: number): (seconds: number) => number {
  const parts = [1, 0.61, 1.73].map((factor) => ({ rate: factor * perSecond, phase: random.uniform() }));
  return (seconds) =>
    parts.reduce((sum, { rate, phase }) => sum + Math.sin(2 * Math.PI * (rate * seconds + phase)), 0) / parts.length;
}

/** The rate at which a sound fades by 60 dB in so many seconds. */
function fadeOver(seconds: number): number {
  return Math.log(1000) / seconds;
}

function bandTilt(wish: SoundWish, band: number): number {
  return wish.brightnessDb * (band - (synthesis.bands - 1) / 2);
}

function decibels(level: number): number {
  return 10 ** (level / 20);
}
