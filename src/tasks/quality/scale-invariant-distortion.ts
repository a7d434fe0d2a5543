import { ofOneLength } from './signal-to-noise.ts';

/**
 * The scale-invariant signal-to-distortion ratio in decibels (Le Roux et al. 2019): how much of the
 * estimate lies along the reference, over what does not, whatever the level and the offset.
 * Undefined when the reference or the estimate is silent. Fed with pairs of pieces of one length.
 */
export class ScaleInvariantDistortionMeter {
  #samples = 0;
  #referenceMean = 0;
  #estimateMean = 0;
  /** Sums of products of what is beside the means. */
  #along = 0;
  #referencePower = 0;
  #estimatePower = 0;

  add(reference: Float32Array, estimate: Float32Array): void {
    const length = reference.length;
    if (length === 0) return;
    const [referenceMean, estimateMean] = [mean(reference), mean(estimate)];
    for (let at = 0; at < length; at += 1) {
      const wanted = (reference[at] as number) - referenceMean;
      const given = (estimate[at] as number) - estimateMean;
      this.#along += wanted * given;
      this.#referencePower += wanted * wanted;
      this.#estimatePower += given * given;
    }
    // The means of the parts differ from the mean of the whole: their sums are moved to it (Chan et al.
    // 1983).
    const samples = this.#samples + length;
    const shares = (this.#samples * length) / samples;
    const [referenceStep, estimateStep] = [referenceMean - this.#referenceMean, estimateMean - this.#estimateMean];
    this.#along += referenceStep * estimateStep * shares;
    this.#referencePower += referenceStep * referenceStep * shares;
    this.#estimatePower += estimateStep * estimateStep * shares;
    this.#referenceMean += (referenceStep * length) / samples;
    this.#estimateMean += (estimateStep * length) / samples;
    this.#samples = samples;
  }

  decibels(): number | undefined {
    if (this.#referencePower === 0 || this.#estimatePower === 0) return undefined;
    const target = this.#along ** 2 / this.#referencePower;
    // Rounding may leave a perfect estimate with less than no distortion.
    return 10 * Math.log10(target / Math.max(0, this.#estimatePower - target));
  }
}

export function scaleInvariantDistortionDb(reference: Float32Array, estimate: Float32Array): number | undefined {
  const meter = new ScaleInvariantDistortionMeter();
  meter.add(...ofOneLength(reference, estimate));
  return meter.decibels();
}

function mean(samples: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at += 1) sum += samples[at] as number;
  return sum / samples.length;
}
