/**
 * The largest magnitude of a sound; NaN where a sample is no number. One pass without calls: it is
 * done for every sample that comes in or goes out.
 */
export function peak(channels: readonly Float32Array[]): number {
  let most = 0;
  for (const samples of channels) {
    for (let at = 0; at < samples.length; at += 1) {
      const magnitude = Math.abs(samples[at] as number);
      if (magnitude <= most) continue;
      if (Number.isNaN(magnitude)) return magnitude;
      most = magnitude;
    }
  }
  return most;
}
