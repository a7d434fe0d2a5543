import type { Planes } from './planes.ts';

/** The mean of all channels. */
export function mono(channels: Planes): Float32Array {
  const [first] = channels;
  if (!first) return new Float32Array();
  if (channels.length === 1) return first;
  const mean = new Float32Array(first.length);
  for (let at = 0; at < mean.length; at += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels.length; channel += 1)
      sum += (channels[channel] as Float32Array)[at] as number;
    mean[at] = sum / channels.length;
  }
  return mean;
}
