import { z } from 'zod';
import type { Config } from '../../config.ts';
import { modelNameParameter, seedParameter } from '../common-parameters.ts';
import { type AlloyName, alloys } from './alloys.ts';
import { diffusionStepsMax, diffusionStepsMin } from './diffusion-schedule.ts';

const lengthPixels = z.number().min(0.5).max(256).describe('How far it varies, in pixels.');
const stretch = z.number().min(0.1).max(10).default(1).describe('Longer along the columns by this factor.');

const spectrum = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('gaussian'), lengthPixels, stretch }),
    z.strictObject({ kind: z.literal('exponential'), lengthPixels, stretch }),
    z.strictObject({
      kind: z.literal('band'),
      lengthPixels,
      stretch,
      width: z.number().min(0.01).max(2).default(0.25),
    }),
  ])
  .describe(
    'gaussian: smooth blobs; exponential: rough borders; band: a preferred distance, width is its relative spread.',
  );

const sizes = [32, 64, 128, 256, 512] as const;

export function microstructureParameters({ microstructurePixelsMax }: Pick<Config, 'microstructurePixelsMax'>) {
  const possible = sizes.filter((size) => size ** 2 <= microstructurePixelsMax);
  const usual = possible.findLast((size) => size <= 128) ?? sizes[0];
  return z
    .strictObject({
      alloy: z
        .enum(Object.keys(alloys) as [AlloyName, ...AlloyName[]])
        .optional()
        .describe('A preset: spectrum and fraction of an alloy. Left out, with no spectrum: dual-phase-steel.')
        .meta({ example: 'Ti-6Al-4V' }),
      spectrum: spectrum.optional(),
      volume_fraction: z
        .number()
        .min(0.01)
        .max(0.99)
        .optional()
        .describe('Of the second phase; the preset has its own, a spectrum 0.5.'),
      exact: z.boolean().default(false).describe('Every sample has exactly this fraction, instead of all on average.'),
      size: z.literal(sizes).default(usual).describe('Pixels along a side.'),
      samples: z.int().min(1).max(64).default(1).describe('Microstructures made at once.'),
      steps: z
        .int()
        .min(diffusionStepsMin)
        .max(diffusionStepsMax)
        .default(50)
        .describe('Denoising steps, one engine call each.'),
      seed: seedParameter,
      format: z.enum(['png', 'npy', 'json']).optional().describe('Else Accept decides; png when that says nothing.'),
      model: modelNameParameter('gaussian-field'),
    })
    .refine(({ alloy, spectrum: own }) => alloy === undefined || own === undefined, 'give alloy or spectrum, not both')
    .refine(
      ({ size, samples }) => size * size * samples <= microstructurePixelsMax,
      `more than ${microstructurePixelsMax} pixels in all: fewer samples, a smaller size, or raise VITRINE_MICROSTRUCTURE_PIXELS_MAX`,
    )
    .meta({
      id: 'MicrostructureRequest',
      example: { alloy: 'Ti-6Al-4V', size: 64, steps: 20, seed: 7, format: 'json' },
      override: ({ jsonSchema }) => {
        jsonSchema.not = { required: ['alloy', 'spectrum'] };
        // So many samples of each size fit.
        jsonSchema.anyOf = possible.map((size) => ({
          properties: {
            size: { const: size },
            samples: { maximum: Math.floor(microstructurePixelsMax / size ** 2) },
          },
          ...(size !== usual && { required: ['size'] }),
        }));
      },
    });
}
