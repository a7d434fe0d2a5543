import type { SpectrumShape } from './power-spectrum.ts';

export type Alloy = {
  readonly description: string;
  /** Of the second phase. */
  readonly volumeFraction: number;
  readonly spectrum: SpectrumShape;
};

/**
 * Presets for two-phase microstructures. Fractions and sizes are typical of what the literature
 * shows for each, in pixels of a picture of 128: they are for trying things out, not measurements
 * of a specimen. Give a spectrum of your own for that.
 */
export const alloys = {
  'Ti-6Al-4V': {
    description: 'α + β titanium: thin β between α lamellae, stretched along one axis.',
    volumeFraction: 0.12,
    spectrum: { kind: 'gaussian', lengthPixels: 3, stretch: 4 },
  },
  'Inconel-718': {
    description: 'Nickel with fine, even γ″ and γ′ precipitates.',
    volumeFraction: 0.2,
    spectrum: { kind: 'band', lengthPixels: 8, width: 0.25, stretch: 1 },
  },
  AlSi10Mg: {
    description: 'Aluminium with a eutectic silicon network.',
    volumeFraction: 0.3,
    spectrum: { kind: 'band', lengthPixels: 12, width: 0.4, stretch: 1 },
  },
  'dual-phase-steel': {
    description: 'Ferrite with islands of martensite.',
    volumeFraction: 0.35,
    spectrum: { kind: 'gaussian', lengthPixels: 6, stretch: 1.3 },
  },
  'cast-iron': {
    description: 'Grey iron: ferrite with coarse graphite, rough at every scale.',
    volumeFraction: 0.1,
    spectrum: { kind: 'exponential', lengthPixels: 8, stretch: 1 },
  },
  'spinodal-FeCr': {
    description: 'Spinodal decomposition of iron and chromium: two phases woven into each other.',
    volumeFraction: 0.5,
    spectrum: { kind: 'band', lengthPixels: 10, width: 0.15, stretch: 1 },
  },
} as const satisfies Record<string, Alloy>;

export type AlloyName = keyof typeof alloys;

export function isAlloyName(name: string): name is AlloyName {
  return Object.hasOwn(alloys, name);
}
