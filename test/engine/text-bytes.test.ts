import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { unobserved } from '../../src/engine/engine-observer.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { bytesOf, bytesOfAll, type Tensor } from '../../src/engine/tensor.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const texts: Tensor = { name: 'x', datatype: 'BYTES', shape: [1, 3], data: ['a', 'é', '€uro'] };

describe('the bytes of texts', () => {
  it('are those of UTF-8, for one tensor and for several', () => {
    assert.equal(bytesOf(texts), 1 + 2 + 6);
    assert.equal(bytesOfAll([texts, { ...texts, datatype: 'FP32', data: new Float32Array(3) }]), 9 + 12);
  });

  it('are the same on the way into a model as on the way out', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'copy', identity('BYTES'));
    const seen: number[][] = [];
    await using registry = new Registry(
      { ...readConfig({}), models: folder.path },
      {
        ...unobserved,
        batchEnded: ({ outputBytes }, members) => {
          seen.push([members[0]!.bytes, outputBytes]);
        },
      },
    );
    await registry.start();
    const signal = new AbortController().signal;
    await registry.find('copy').infer({ inputs: [texts], priority: 0, deadlineAt: performance.now() + 60_000, signal });
    assert.deepEqual(seen, [[9, 9]]);
  });
});
