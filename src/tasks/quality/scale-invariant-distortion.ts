/**
 * The scale-invariant signal-to-distortion ratio in decibels (Le Roux et al. 2019): how much of the estimate lies along the reference,
 * over what does not, whatever the level and the offset. Undefined when the reference or the estimate is silent.
 */
export function scaleInvariantDistortionDb(reference: Float32Array, estimate: Float32Array): number | undefined {
  const length = Math.min(reference.length, estimate.length);
  const [referenceMean, estimateMean] = [mean(reference, length), mean(estimate, length)];
  let along = 0;
  let referencePower = 0;
  let estimatePower = 0;
  for (let at = 0; at < length; at += 1) {
    const wanted = (reference[at] as number) - referenceMean;
    const given = (estimate[at] as number) - estimateMean;
    along += wanted * given;
    referencePower += wanted * wanted;
    estimatePower += given * given;
  }
  if (referencePower === 0 || estimatePower === 0) return undefined;
  const target = along ** 2 / referencePower;
  // Rounding may leave a perfect estimate with less than no distortion.
  return 10 * Math.log10(target / Math.max(0, estimatePower - target));
}

function mean(samples: Float32Array, length: number): number {
  let sum = 0;
  for (let at = 0; at < length; at += 1) sum += samples[at] as number;
  return length === 0 ? 0 : sum / length;
}
