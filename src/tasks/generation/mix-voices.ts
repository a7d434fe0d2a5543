import { peak } from '../../audio/peak.ts';
import { synthesis, type VoiceGroup } from './plan-sound.ts';
import type { SoundWish } from './read-prompt.ts';
import type { VoiceRenderer } from './voice-renderer.ts';

/** How long it takes to become less loud: no click, and soon enough. */
const rampSamples = 441;
const fadeSamples = 0.01 * synthesis.sampleRateHz;

export type Layer = { readonly group: VoiceGroup; readonly renderer: VoiceRenderer };

/**
 * Every stroke at its moment, at the level asked for: about −3 dB below full scale, less where the
 * prompt says quiet. It is made piece by piece and no piece waits for what comes later. So the
 * level follows from the plan, and is lowered for good where a piece is louder than was expected.
 * Starts and ends without a click.
 */
export class VoiceMix {
  readonly #layers: readonly Layer[];
  readonly #scales: (number | undefined)[];
  readonly #length: number;
  readonly #level: number;
  #loudest: number;
  #gain: number | undefined;
  #at = 0;

  constructor(layers: readonly Layer[], length: number, { levelDb }: Pick<SoundWish, 'levelDb'>) {
    this.#layers = layers;
    // Layers are as loud as each other before they meet.
    this.#scales = layers.map(({ group }) => group.peak && 1 / group.peak);
    this.#length = length;
    this.#level = 10 ** ((levelDb - 3) / 20);
    this.#loudest = Math.sqrt(layers.length);
  }

  /** The next samples, up to `end`; all voices are rendered as far as they are heard in it. */
  next(end: number): Float32Array {
    const from = this.#at;
    const samples = new Float32Array(Math.min(end, this.#length) - from);
    for (const [at, { group, renderer }] of this.#layers.entries()) {
      const scale = this.#scales[at] ?? 1 / (peakOf(group, renderer) || 1);
      this.#scales[at] = scale;
      for (const { voice, startSample, gain } of group.onsets) {
        const first = Math.max(from, startSample);
        const last = Math.min(from + samples.length, startSample + renderer.rendered);
        if (first >= last) continue;
        const heard = renderer.samplesOf(voice, first - startSample);
        for (let n = 0; n < last - first; n += 1) samples[first - from + n]! += scale * gain * heard[n]!;
      }
    }
    this.#setLevel(samples);
    this.#at += samples.length;
    return samples;
  }

  #setLevel(samples: Float32Array): void {
    this.#loudest = Math.max(this.#loudest, peak([samples]));
    const gain = this.#level / this.#loudest;
    const before = this.#gain ?? gain;
    const fade = Math.min(this.#length / 2, fadeSamples);
    for (let n = 0; n < samples.length; n += 1) {
      const at = this.#at + n;
      const fromEdge = Math.min(at * 8, this.#length - 1 - at);
      const level = n < rampSamples ? before + ((gain - before) * n) / rampSamples : gain;
      const sample = samples[n]! * level * Math.min(1, fromEdge / fade);
      // On its way to less, it is louder than it may be for a moment.
      samples[n] = Math.max(-this.#level, Math.min(this.#level, sample));
    }
    this.#gain = gain;
  }
}

/** Of all that is rendered when the sound begins: strokes are loudest then. */
function peakOf({ voices }: VoiceGroup, renderer: VoiceRenderer): number {
  return peak(voices.map((_, voice) => renderer.samplesOf(voice, 0)));
}
