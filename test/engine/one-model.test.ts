import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { scanRepository } from '../../src/engine/registry/model-folder.ts';
import { repositoryOf } from '../../src/engine/registry/one-model.ts';
import { perceptron } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { fp32, serveModels } from './serve-models.ts';

const small = perceptron({ widths: [4, 2] });

/** The storage layouts that KServe's initializer leaves at /mnt/models. */
const layouts: Readonly<Record<string, readonly string[]>> = {
  'one file': ['any-name.onnx'],
  'a file with others beside it': ['model.onnx', 'labels.txt'],
  versions: ['1/model.onnx', '2/model.onnx'],
  'a repository': ['mine/3/model.onnx'],
};

describe('one model, as KServe mounts it', () => {
  for (const [layout, files] of Object.entries(layouts)) {
    it(`is served by its name from ${layout}`, async () => {
      await using place = await mounted(files);
      const repository = await repositoryOf(place.config);
      await using served = await serveModels({}, { models: repository });
      const answer = await served.infer('mine', [fp32('x', [1, 4], [1, 2, 3, 4])]);
      assert.equal(answer.outputs.length, 1);
      assert.deepEqual([...new Set((await served.registry.index()).map(({ name }) => name))], ['mine']);
    });
  }

  it('has its manifest from beside the file', async () => {
    await using place = await mounted(['model.onnx']);
    await writeFile(join(place.models, 'model.json'), JSON.stringify({ description: 'of KServe' }));
    await using served = await serveModels({}, { models: await repositoryOf(place.config) });
    assert.equal(served.registry.find('mine').manifest.description, 'of KServe');
  });

  it('is another at the next start when the folder is another', async () => {
    await using place = await mounted(['model.onnx']);
    await repositoryOf(place.config);
    const other = join(place.data, 'other');
    await mkdir(join(other, '7'), { recursive: true });
    await copyFile(join(place.models, 'model.onnx'), join(other, '7/model.onnx'));
    const repository = await repositoryOf({ ...place.config, models: other });
    assert.deepEqual(
      (await scanRepository(repository)).map(({ versions }) => versions),
      [['7']],
    );
  });

  it('that is not there, or is one of several, ends the start with a sentence', async () => {
    await using none = await mounted(['notes.txt']);
    await assert.rejects(
      repositoryOf(none.config),
      /Cannot serve the model of VITRINE_MODEL_NAME: .* no file \*\.onnx; name the folder/,
    );
    await using several = await mounted(['a.onnx', 'b.onnx']);
    await assert.rejects(repositoryOf(several.config), /several files \*\.onnx and no model\.onnx/);
    await assert.rejects(repositoryOf({ ...none.config, modelName: '../up' }), /other signs than letters/);
  });
});

async function mounted(files: readonly string[]) {
  const folder = await temporaryFolder();
  const [models, data] = [join(folder.path, 'models'), join(folder.path, 'data')];
  for (const file of files) {
    await mkdir(dirname(join(models, file)), { recursive: true });
    await writeFile(join(models, file), file.endsWith('.onnx') ? small : 'no model');
  }
  const config = { ...readConfig({}), models, data, modelName: 'mine' };
  return { models, data, config, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
