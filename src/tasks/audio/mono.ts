import type { Audio } from './audio.ts';

/** The mean of all channels. */
export function mono({ channels }: Audio): Float32Array {
  const [first, ...others] = channels;
  if (!first) return new Float32Array();
  if (others.length === 0) return first;
  return first.map(
    (sample, at) => others.reduce((sum, plane) => sum + (plane[at] as number), sample) / channels.length,
  );
}
