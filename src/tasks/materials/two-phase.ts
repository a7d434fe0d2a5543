import { inverseNormal } from '../mathematics/normal-distribution.ts';

/**
 * Two phases from a Gaussian field (mean 0, variance 1): the second phase, 1, is where the field
 * lies above the level that leaves it the volume fraction wanted on average. One sample's own
 * fraction varies around it; `exact` moves the level so that it does not.
 */
export function twoPhase(field: Float32Array, volumeFraction: number, exact = false): Uint8Array {
  const level = exact ? levelWithin(field, volumeFraction) : inverseNormal(1 - volumeFraction);
  return Uint8Array.from(field, (value) => (value > level ? 1 : 0));
}

function levelWithin(field: Float32Array, volumeFraction: number): number {
  const sorted = field.toSorted();
  const index = Math.round((1 - volumeFraction) * field.length) - 1;
  return index < 0 ? Number.NEGATIVE_INFINITY : (sorted[Math.min(index, field.length - 1)] as number);
}
