/** How many samples are no numbers at all, or infinite: 0 in any sound that may be kept or answered. */
export function nonFiniteSamples(channels: readonly Float32Array[]): number {
  let count = 0;
  for (const samples of channels) for (const sample of samples) if (!Number.isFinite(sample)) count += 1;
  return count;
}
