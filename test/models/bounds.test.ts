import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { checkHeads } from '../../src/engine/check-inputs.ts';
import { completeManifest, parseManifest } from '../../src/engine/registry/complete-manifest.ts';
import type { Manifest } from '../../src/engine/registry/manifest.ts';
import { readOnnx } from '../../src/engine/registry/read-onnx.ts';

const models = join(import.meta.dirname, '../../models');

async function shipped(name: string): Promise<Manifest> {
  const text = await readFile(join(models, name, 'model.json'), 'utf8');
  const onnx = await readOnnx(join(models, name, '1/model.onnx'));
  return completeManifest(parseManifest(JSON.parse(text), name), onnx, {
    name,
    version: '1',
    sizeLimits: readConfig({}),
  });
}

/** The heads of a request, with a size for each free dimension. */
function headsOf({ inputs }: Manifest, sizes: Readonly<Record<string, number>>) {
  return inputs.map(({ name, datatype, shape, dimensionNames }) => ({
    name,
    datatype,
    shape: shape.map((size, axis) => (size >= 0 ? size : sizes[dimensionNames[axis]!]!)),
  }));
}

describe('a shipped model', () => {
  it('has every free dimension bounded', async () => {
    for (const name of ['procedural-synthesizer', 'gaussian-field', 'harmonic-percussive', 'silero-vad'])
      assert.deepEqual((await shipped(name)).bounds.loose, [], name);
  });

  const voices = { voices: 1, noise_blocks: 1, noise_borders: 2 };
  const cases: Record<string, { takes: Record<string, number>[]; refuses: Record<string, number>[] }> = {
    'procedural-synthesizer': {
      takes: [
        { ...voices, modes: 64, borders: 2814 },
        { voices: 6, modes: 12, borders: 376, noise_blocks: 375, noise_borders: 376 },
      ],
      refuses: [
        { ...voices, modes: 20_000, borders: 20_000 },
        { ...voices, modes: 3000, borders: 3000 },
        { ...voices, modes: 0, borders: 3 },
        { voices: 16, modes: 64, borders: 2814, noise_blocks: 1, noise_borders: 2 },
      ],
    },
    'gaussian-field': {
      takes: [{ samples: 1, rows: 1024, columns: 1024 }],
      refuses: [
        { samples: 1, rows: 100_000, columns: 1 },
        { samples: 64, rows: 1024, columns: 1024 },
      ],
    },
    'harmonic-percussive': {
      takes: [{ channels: 1, samples: 264_192 + 20_480 }],
      refuses: [{ channels: 1, samples: 16_000_000 }],
    },
    'silero-vad': { takes: [{ sequence_length: 512 }], refuses: [{ sequence_length: 29_000 }] },
  };
  for (const [name, { takes, refuses }] of Object.entries(cases))
    it(`takes what its task needs and refuses what would take gigabytes: ${name}`, async () => {
      const manifest = await shipped(name);
      for (const sizes of takes) checkHeads(manifest, headsOf(manifest, sizes));
      for (const sizes of refuses)
        assert.throws(
          () => checkHeads(manifest, headsOf(manifest, sizes)),
          { code: 'invalid_input' },
          JSON.stringify(sizes),
        );
    });
});
