import { synthesis, type VoiceGroup } from './plan-sound.ts';
import type { SoundWish } from './read-prompt.ts';

/**
 * Every stroke at its moment, at the level asked for: −3 dB below full scale, less where the prompt
 * says quiet. Starts and ends without a click.
 */
export function mixVoices(
  groups: readonly { readonly group: VoiceGroup; readonly audio: Float32Array }[],
  durationSeconds: number,
  wish: SoundWish,
): Float32Array {
  const mix = new Float32Array(Math.max(1, Math.round(durationSeconds * synthesis.sampleRateHz)));
  for (const { group, audio } of groups) {
    const layer = new Float32Array(mix.length);
    const length = group.blocks * synthesis.blockSamples;
    for (const { voice, startSample, gain } of group.onsets) {
      const count = Math.min(length, mix.length - startSample);
      for (let at = 0; at < count; at += 1) {
        layer[startSample + at] = (layer[startSample + at] as number) + gain * (audio[voice * length + at] as number);
      }
    }
    // Layers are as loud as each other before they meet.
    addScaled(mix, layer, 1 / (peak(layer) || 1));
  }
  const level = 10 ** ((wish.levelDb - 3) / 20) / (peak(mix) || 1);
  const fade = Math.min(mix.length / 2, 0.01 * synthesis.sampleRateHz);
  return mix.map((sample, at) => {
    const fromEdge = Math.min(at * 8, mix.length - 1 - at);
    return sample * level * Math.min(1, fromEdge / fade);
  });
}

function addScaled(sum: Float32Array, samples: Float32Array, factor: number): void {
  for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] as number) + factor * (samples[at] as number);
}

function peak(samples: Float32Array): number {
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return most;
}
