import { SeededRandom } from '../mathematics/seeded-random.ts';
import type { SoundWish } from './read-prompt.ts';
import { type LastingSource, type SoundSourceName, type StruckSource, soundSources } from './sound-sources.ts';

/** The synthesizer model's figures: samples in a block, bands, and the rate that the sources are made for. */
export const synthesis = { sampleRateHz: 44_100, blockSamples: 1024, bands: 8 };

/** Inputs of one run of the model, voices as rows, and where its answers go. */
export type VoiceGroup = {
  readonly voices: number;
  readonly modes: number;
  readonly blocks: number;
  readonly frequencies: Float32Array;
  readonly decays: Float32Array;
  readonly amplitudes: Float32Array;
  readonly phases: Float32Array;
  readonly noise: Float32Array;
  readonly levels: Float32Array;
  readonly onsets: readonly Onset[];
};

export type Onset = { readonly voice: number; readonly startSample: number; readonly gain: number };

type Voice = {
  readonly modes: readonly { hz: number; fadePerSecond: number; amplitude: number; phase: number }[];
  /** The noise's level in a band at a time. */
  readonly level: (band: number, seconds: number) => number;
};

const variants = 6;
const strokesMax = 500;
/** Seconds that a struck voice may ring. */
const ringSecondsMax = 8;

/** What to run for a wish: one group a source. The same wish, length and seed make the same numbers. */
export function planSound(wish: SoundWish, durationSeconds: number, seed: number): VoiceGroup[] {
  return wish.sources.map((name) => {
    const source: StruckSource | LastingSource = soundSources[name];
    return source.kind === 'struck'
      ? planStrokes(name, source, wish, durationSeconds, seed)
      : planLasting(name, source, wish, durationSeconds, seed);
  });
}

/** A few variants of the stroke, so that no two in a row are the same, and the moments at which they sound. */
function planStrokes(
  name: SoundSourceName,
  source: StruckSource,
  wish: SoundWish,
  seconds: number,
  seed: number,
): VoiceGroup {
  const random = new SeededRandom(seed, `${name}/strokes`);
  const ring = Math.min(ringSecondsMax, seconds, source.ringSeconds * wish.ringFactor);
  const pitch = (wish.pitchHz ?? source.pitchHz) * wish.pitchFactor;
  const onsets = strokeTimes(source, wish, seconds, random).map((at) => ({
    voice: Math.floor(random.uniform() * variants),
    startSample: Math.round(at * synthesis.sampleRateHz),
    gain: random.between(0.75, 1),
  }));
  const voices = Array.from({ length: variants }, (): Voice => {
    const detune = wish.pitchHz === undefined ? 2 ** (random.between(-0.3, 0.3) / 12) : 1;
    const modes = source.ratios.map((ratio) => ({
      hz: pitch * detune * ratio,
      fadePerSecond: fadeOver(ring) * Math.max(1, ratio) ** source.damping,
      amplitude:
        ratio ** -source.tilt * decibels(wish.brightnessDb * Math.log2(Math.max(1, ratio))) * random.between(0.7, 1),
      // Sines begin at zero: no click but the one that is meant.
      phase: 0,
    }));
    const burst = fadeOver(source.strike.seconds * Math.sqrt(wish.ringFactor));
    const level = (band: number, at: number) =>
      source.strike.level * decibels((source.strike.bandsDb[band] ?? 0) + bandTilt(wish, band)) * Math.exp(-burst * at);
    return { modes: audible(modes), level };
  });
  return group(voices, ring, new SeededRandom(seed, `${name}/noise`), onsets);
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
  const level = source.tone?.level ?? 0;
  const modes = (source.tone?.ratios ?? []).map((ratio) => ({
    hz: pitch * ratio,
    fadePerSecond: 0,
    amplitude: (level / ratio) * decibels(wish.brightnessDb * Math.log2(ratio)),
    phase: ratio === 1 ? 0 : random.uniform(),
  }));
  const voice: Voice = {
    modes: audible(modes),
    level: (band, at) =>
      decibels((source.bandsDb[band] ?? 0) + bandTilt(wish, band)) * (1 - depth + depth * (0.5 + 0.5 * swell(at))),
  };
  return group([voice], seconds, new SeededRandom(seed, `${name}/noise`), [{ voice: 0, startSample: 0, gain: 1 }]);
}

function group(voices: readonly Voice[], seconds: number, random: SeededRandom, onsets: readonly Onset[]): VoiceGroup {
  const { sampleRateHz, blockSamples, bands } = synthesis;
  const blocks = Math.max(1, Math.ceil((seconds * sampleRateHz) / blockSamples));
  const modes = voices.reduce((most, voice) => Math.max(most, voice.modes.length), 1);
  const ofModes = (value: (mode: Voice['modes'][number]) => number) =>
    Float32Array.from({ length: voices.length * modes }, (_, at) => {
      const mode = voices[Math.floor(at / modes)]?.modes[at % modes];
      return mode ? value(mode) : 0;
    });
  const borders = blocks + 1;
  return {
    voices: voices.length,
    modes,
    blocks,
    frequencies: ofModes(({ hz }) => hz / sampleRateHz),
    decays: ofModes(({ fadePerSecond }) => fadePerSecond / sampleRateHz),
    amplitudes: ofModes(({ amplitude }) => amplitude),
    phases: ofModes(({ phase }) => phase),
    noise: random.normals(voices.length * blocks * blockSamples),
    levels: Float32Array.from({ length: voices.length * bands * borders }, (_, at) => {
      const band = Math.floor(at / borders) % bands;
      const voice = voices[Math.floor(at / (borders * bands))];
      return voice?.level(band, ((at % borders) * blockSamples) / sampleRateHz) ?? 0;
    }),
    onsets,
  };
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
