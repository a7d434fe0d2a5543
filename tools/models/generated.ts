import type { z } from 'zod';
import type { manifestSchema } from '../../src/engine/registry/manifest-schema.ts';
import { gaussianFieldGraph } from './graphs/gaussian-field.ts';
import { harmonicPercussiveGraph } from './graphs/harmonic-percussive.ts';
import { proceduralSynthesizerGraph } from './graphs/procedural-synthesizer.ts';
import type { Graph } from './onnx/write-onnx.ts';

export type ModelFile = z.input<typeof manifestSchema>;

/**
 * The models that are written as code. None is learned, and each is named for what it does. `npm
 * run models` writes their files.
 */
export const generatedModels: Readonly<Record<string, { graph: () => Graph; manifest: ModelFile }>> = {
  'harmonic-percussive': {
    graph: harmonicPercussiveGraph,
    manifest: {
      description:
        'Harmonic/percussive separation by median filtering: audio [channels, samples] at any rate to two stems that sum to it. Nothing in it is learned. Long audio is separated in chunks by /v1/separate.',
      batching: { rows_max: 0 },
      // Lengths differ from request to request: a memory plan made for one does not fit the next.
      session: { memory_pattern: false },
      probe_dimensions: { channels: 1, samples: 8192 },
      // A run takes about 0.7 KB a sample: two channels of what /v1/separate sends at once.
      dimensions_max: { channels: 8 },
      products_max: [{ of: ['channels', 'samples'], max: 2 * (516 + 40) * 512 }],
      // Channels side by side: two lanes are 1.3 times as fast as one on two cores.
      lanes: { count: 2 },
      // It reaches 15 frames of the median and two of the transform to each side, 512 samples each, on a
      // grid of 512: chunks that begin on it, with 20 frames of context, give what the whole would have
      // given.
      separator: {
        stems: ['harmonic', 'percussive'],
        channels: 1,
        // Six seconds: the context is 7 % of the work, a run takes about 200 MB.
        chunk_samples: 516 * 512,
        context_samples: 20 * 512,
      },
      retry_safe: true,
    },
  },
  'procedural-synthesizer': {
    graph: proceduralSynthesizerGraph,
    manifest: {
      description:
        'Damped sines and octave-band noise, a voice a row. Nothing in it is learned; /v1/generate derives its inputs from a prompt.',
      batching: { rows_max: 0 },
      session: { memory_pattern: false },
      probe_dimensions: { voices: 1, modes: 4, borders: 4, noise_blocks: 2, noise_borders: 3 },
      // What /v1/generate needs for a minute: 2813 blocks of 1024 samples, of one voice or of several
      // short ones.
      dimensions_max: { voices: 16, modes: 64, borders: 2816, noise_blocks: 2815, noise_borders: 2816 },
      products_max: [
        { of: ['voices', 'borders'], max: 2816 },
        { of: ['voices', 'noise_blocks'], max: 2816 },
      ],
      retry_safe: true,
    },
  },
  'gaussian-field': {
    graph: gaussianFieldGraph,
    manifest: {
      description:
        'One denoising step of a diffusion sampler for Gaussian fields with a known spectrum (closed-form denoiser, nothing learned); /v1/microstructure runs the steps.',
      batching: { rows_max: 0 },
      session: { memory_pattern: false },
      probe_dimensions: { samples: 1, rows: 16, columns: 16 },
      // Its matrices are rows × rows and columns × columns; the product is the default of
      // VITRINE_MICROSTRUCTURE_PIXELS_MAX.
      dimensions_max: { samples: 64, rows: 1024, columns: 1024 },
      products_max: [{ of: ['samples', 'rows', 'columns'], max: 2 ** 20 }],
      retry_safe: true,
    },
  },
};
