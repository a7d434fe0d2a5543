/**
 * The scalars of one step, as the model `gaussian-field` takes them: the field is signal · clean +
 * noise · noise.
 */
export type DiffusionStep = {
  readonly signal: number;
  readonly noise: number;
  readonly keep: number;
  readonly pull: number;
  readonly momentum: number;
};

export const diffusionStepsMin = 2;
export const diffusionStepsMax = 1000;

/**
 * The steps from pure noise to a clean field. Noise-to-signal ratios are evenly spaced in the
 * logarithm, from far above the strongest wave of the spectrum to where no noise can be seen.
 * The solver is DPM-Solver++ 2M (Lu et al. 2022): second order, multistep. It uses the previous
 * estimate instead of asking the model twice. The last step gives the estimate itself.
 */
export function diffusionSchedule(steps: number, spectrum: Float32Array): DiffusionStep[] {
  const strongest = Math.sqrt(spectrum.reduce((most, power) => Math.max(most, power), 0));
  const [first, last] = [Math.log(20 * strongest), Math.log(0.02)];
  const logRatios = Array.from({ length: steps }, (_, step) => first + ((last - first) * step) / (steps - 1));
  const levels = logRatios.map((logRatio) => {
    const ratio = Math.exp(logRatio);
    const signal = 1 / Math.hypot(1, ratio);
    return { signal, noise: ratio * signal };
  });
  return levels.map(({ signal, noise }, step) => {
    const next = levels[step + 1];
    if (!next) return { signal, noise, keep: 0, pull: 1, momentum: 0 };
    const keep = next.noise / noise;
    // Steps are all of one size in the logarithm of the ratio: the second-order term has weight 1/2,
    // but for the first, which has no past.
    return { signal, noise, keep, pull: next.signal - keep * signal, momentum: step === 0 ? 0 : 0.5 };
  });
}
