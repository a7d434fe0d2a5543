import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { settings } from '../../src/config.ts';
import { runProgram } from '../backends/run-program.ts';
import { root } from './built-overlay.ts';

type Schema = Record<string, unknown> & { properties?: Record<string, Schema>; items?: Schema };
type Definition = { spec: { versions: { name: string; schema: { openAPIV3Schema: Schema } }[] } };
type Runtime = {
  spec: {
    containers: { env: { name: string; value: string }[]; volumeMounts: { name: string }[] }[];
    volumes: { name: string }[];
  };
};

describe('the runtime for KServe', function () {
  this.timeout(600_000);
  let definitions: string;

  before(async () => {
    // outside: KServe's definitions come from its Go module, which is pinned with its hash.
    const module = join(root, 'deploy/kubernetes/programs/kserve');
    const answer = await runProgram(
      'go',
      ['-C', module, 'mod', 'download', '-json', 'github.com/kserve/kserve'],
      process.env,
    );
    assert.equal(answer.code, 0, answer.said);
    definitions = join((JSON.parse(answer.said) as { Dir: string }).Dir, 'config/crd/full');
  });

  for (const [file, definition] of [
    ['serving-runtime.yaml', 'serving.kserve.io_clusterservingruntimes.yaml'],
    ['inference-service.yaml', 'serving.kserve.io_inferenceservices.yaml'],
  ] as const)
    it(`${file} is what KServe’s own definition says, and nothing more`, async () => {
      const resource = await ours(file);
      const { versions } = (parse(await readFile(join(definitions, definition), 'utf8')) as Definition).spec;
      const version = versions.find(({ name }) => resource.apiVersion === `serving.kserve.io/${name}`)!;
      const schema = z.fromJSONSchema(strict(version.schema.openAPIV3Schema) as never);
      schema.parse(resource);
      // So that this can fail: a field that is misspelt.
      assert.throws(() =>
        schema.parse({ ...resource, spec: { ...(resource.spec as object), protocolVersion: ['v2'] } }),
      );
    });

  it('gives only settings that exist, and mounts what it names', async () => {
    const { spec } = (await ours('serving-runtime.yaml')) as unknown as Runtime;
    const [container] = spec.containers;
    const known = new Set<string>(Object.values(settings).map(({ env }) => env));
    for (const { name } of container!.env) assert.ok(known.has(name) || name.startsWith('OTEL_'), name);
    assert.deepEqual(
      container!.volumeMounts.map(({ name }) => name),
      spec.volumes.map(({ name }) => name),
    );
  });
});

async function ours(file: string) {
  return parse(await readFile(join(root, 'deploy/kubernetes/kserve', file), 'utf8')) as Record<string, unknown>;
}

/** An API server drops fields that the definition does not name: here they are refused. */
function strict(schema: Schema): Schema {
  const { properties, items, ...rest } = schema;
  const isOpen = 'additionalProperties' in rest || rest['x-kubernetes-preserve-unknown-fields'] === true;
  const kept = Object.fromEntries(
    Object.entries(rest).filter(
      ([key]) => !key.startsWith('x-kubernetes') && key !== 'format' && key !== 'description',
    ),
  );
  if (rest['x-kubernetes-int-or-string'] === true) return {};
  return {
    ...kept,
    ...(items && { items: strict(items) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, strict(one)])),
      ...(isOpen ? {} : { additionalProperties: false }),
    }),
  };
}
