import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scanRepository } from '../../src/engine/registry/model-folder.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { fp32, serveModels } from './serve-models.ts';

const small = perceptron({ widths: [4, 2] });

/** Everything in a repository that is no model, beside one that is. */
async function litter(folder: string): Promise<void> {
  await writeFile(join(folder, 'notes.txt'), 'stray');
  await symlink(join(folder, 'notes.txt'), join(folder, 'link-to-a-file'));
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
  await symlink('endless', join(folder, 'endless'));
  await mkdir(join(folder, 'empty'));
  await mkdir(join(folder, 'odd'));
  await writeFile(join(folder, 'odd', '1'), 'a file in the place of a version');
}

describe('what is no model in the repository', () => {
  it('is told with its reason, and the models beside it are served', async () => {
    await using served = await serveModels({ good: { onnx: small } });
    await litter(served.folder);
    await using again = await serveModels({}, { models: served.folder });
    const { registry } = again;
    await again.infer('good', [fp32('x', [1, 4], [1, 2, 3, 4])]);
    const told = Object.fromEntries(
      (await registry.index()).map(({ name, state, reason }) => [name, { state, reason }]),
    );
    assert.deepEqual(Object.keys(told).sort(), ['dangling', 'endless', 'good', 'link-to-a-file', 'odd']);
    assert.equal(told.good?.state, 'ready');
    for (const [name, reason] of Object.entries({
      dangling: /is a link that leads nowhere/,
      endless: /is a link to what cannot be read as a folder \(ELOOP\)/,
      'link-to-a-file': /is a link to what cannot be read as a folder \(ENOTDIR\)/,
      odd: /its version 1 cannot be read \(ENOTDIR\)/,
    })) {
      assert.equal(told[name]?.state, 'unavailable');
      assert.match(told[name].reason, reason);
      await assert.rejects(registry.load(name), { code: 'invalid_model', message: reason });
      assert.throws(() => registry.find(name), { code: 'model_not_ready', message: reason });
    }
  });

  it('is a model once it can be read', async () => {
    await using served = await serveModels({});
    await symlink(join(served.folder, 'later'), join(served.folder, 'good'));
    assert.deepEqual(
      (await served.registry.index()).map(({ version }) => version),
      [''],
    );
    await using elsewhere = await temporaryFolder();
    await writeModel(elsewhere.path, 'later', small);
    await rename(join(elsewhere.path, 'later'), join(served.folder, 'later'));
    await served.registry.load('good');
    assert.deepEqual(
      (await served.registry.index())
        .filter(({ name }) => name === 'good')
        .map(({ version, state }) => [version, state]),
      [['1', 'ready']],
    );
  });

  it('is not a link to a folder: models may lie elsewhere, as Kubernetes mounts them', async () => {
    await using elsewhere = await temporaryFolder();
    await using repository = await temporaryFolder();
    await writeModel(elsewhere.path, 'model', small);
    await symlink(join(elsewhere.path, 'model'), join(repository.path, 'linked'));
    const [folder] = await scanRepository(repository.path);
    assert.deepEqual([folder?.name, folder?.versions, folder?.problem], ['linked', ['1'], undefined]);
  });
});
