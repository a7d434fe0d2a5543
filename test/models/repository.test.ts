import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { manifestSchema } from '../../src/engine/registry/manifest-schema.ts';
import { readOnnx } from '../../src/engine/registry/read-onnx.ts';
import { hashOf } from '../../tools/models/fetch-learned.ts';
import { generatedModels } from '../../tools/models/generated.ts';
import { learnedModels } from '../../tools/models/learned.ts';
import { staleModelFiles } from '../../tools/models/write-models.ts';

const folder = new URL('../../models/', import.meta.url);

describe('the model repository', () => {
  it('holds what the code of the models says', async () => {
    assert.deepEqual(await staleModelFiles(), [], 'run npm run models and commit');
  });

  it('has a manifest that the engine takes, and a readable ONNX file, for every model', async () => {
    for (const name of [...Object.keys(generatedModels), ...Object.keys(learnedModels)]) {
      manifestSchema.parse(JSON.parse(await readFile(new URL(`${name}/model.json`, folder), 'utf8')));
      const summary = await readOnnx(new URL(`${name}/1/model.onnx`, folder).pathname);
      assert.ok(summary.inputs.length > 0 && summary.outputs.length > 0, name);
    }
  });

  it('keeps the generated files below 2 MB', async () => {
    for (const name of Object.keys(generatedModels)) {
      const { size } = await stat(new URL(`${name}/1/model.onnx`, folder));
      assert.ok(size < 2e6, `${name} has ${size} bytes`);
    }
  });

  for (const [name, model] of Object.entries(learnedModels)) {
    it(`holds ${name} as its authors published it, with its licence`, async () => {
      assert.equal(await hashOf(name), model.sha256);
      assert.match(
        await readFile(new URL(`${name}/LICENCE`, folder), 'utf8'),
        /MIT License[\s\S]*Permission is hereby granted/,
      );
    });
  }
});
