import type { ModelFile } from './generated.ts';

export type LearnedModel = {
  readonly package: string;
  readonly version: string;
  readonly file: string;
  readonly licenceFile: string;
  readonly licence: string;
  readonly sha256: string;
  readonly manifest: ModelFile;
};

/**
 * The models that others have trained, taken unchanged from their PyPI packages;
 * `tools/models/fetch-learned.ts` fetches and checks them.
 */
export const learnedModels: Readonly<Record<string, LearnedModel>> = {
  dnsmos: {
    package: 'speechmos',
    version: '0.0.1.1',
    file: 'speechmos/dnsmos_models/sig_bak_ovr.onnx',
    licenceFile: 'speechmos-0.0.1.1.dist-info/LICENSE.txt',
    licence: 'MIT (the package); the DNS Challenge publishes the model under CC-BY-4.0',
    sha256: '269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd',
    manifest: {
      description:
        'DNSMOS P.835 (Microsoft): how speech, background and the whole would be rated by listeners, from 9.01 s at 16 kHz. Raw scores: /v1/score maps them to the 1–5 scale.',
      // More rows at once take no less time each, and 100 MB of working memory a row.
      batching: { rows_max: 2 },
      retry_safe: true,
    },
  },
  'silero-vad': {
    package: 'silero-vad',
    version: '6.2.3',
    file: 'silero_vad/data/silero_vad_16k_sequence.onnx',
    licenceFile: 'silero_vad-6.2.3.dist-info/licenses/LICENSE',
    licence: 'MIT',
    sha256: '9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85',
    manifest: {
      description:
        'Silero VAD (Silero Team): the probability of speech in each of a row of windows, 32 ms of 16 kHz audio with the 64 samples before it. The state h, c goes from call to call: of a sequence the service passes it on, and /v1/speech does so itself.',
      // Its rows follow each other in time: they are one sound, not several.
      batching: { rows_max: 0 },
      session: { memory_pattern: false },
      probe_dimensions: { sequence_length: 4 },
      // Two minutes.
      dimensions_max: { sequence_length: 4096 },
      state: {
        tensors: [
          { output: 'hn', input: 'h' },
          { output: 'cn', input: 'c' },
        ],
      },
      retry_safe: true,
    },
  },
};
