import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { examineCuda, librariesFolder, obstaclesTo } from '../../launcher/cuda/examine-cuda.ts';
import { installCuda } from '../../launcher/cuda/install-cuda.ts';
import { cudaLibraries, providerFiles, providerWheel, type Wheel } from '../../launcher/cuda/wheels.ts';
import { providerUse } from '../../src/api/health/provider-use.ts';
import { whyNotLoaded } from '../../src/engine/lanes/why-not-loaded.ts';
import { perceptron } from '../../testkit/models/models.ts';
import { type ArchiveHost, archiveHost } from '../../testkit/places/archive-host.ts';
import { sha256Of } from '../../testkit/places/archives.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { serveModels } from '../engine/serve-models.ts';
import { zipOf } from './programs/release-mirror.ts';

const version = '1.30.0';
const provider = zipOf({
  'onnxruntime/capi/libonnxruntime_providers_cuda.so': 'the provider',
  'onnxruntime/capi/libonnxruntime_providers_shared.so': 'what it shares',
  'onnxruntime/capi/libonnxruntime_providers_tensorrt.so': 'not wanted',
});
const libraries = zipOf(Object.fromEntries(cudaLibraries.map((name) => [`nvidia/cu13/lib/${name}`, name])));

describe('CUDA for the binding', () => {
  let host: ArchiveHost;
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64') this.skip();
    host = await archiveHost();
  });
  after(() => host?.[Symbol.asyncDispose]());
  beforeEach(() => {
    host.instead = () => false;
    host.files.clear();
    host.asked.length = 0;
  });

  it('is put beside it from an index of packages, once, and again where npm has removed it', async () => {
    await using at = await somePackage(host);
    const state = await at.install();
    assert.equal(state.hasProvider, true);
    for (const [name, text] of [
      [providerFiles[0], 'the provider'],
      [providerFiles[1], 'what it shares'],
    ] as const)
      assert.equal(await readFile(join(at.bindingFolder, name), 'utf8'), text);
    assert.ok(!existsSync(join(at.bindingFolder, 'libonnxruntime_providers_tensorrt.so')));
    const asked = host.asked.length;
    await at.install();
    await at.removeProvider();
    assert.equal((await at.install()).hasProvider, true);
    assert.equal(host.asked.length, asked, 'nothing was downloaded again');
  });

  it('says which libraries are nowhere, and gets them where they are asked for', async () => {
    await using at = await somePackage(host);
    const bare = await at.install();
    const obstacles = obstaclesTo(bare).join('\n');
    assert.match(obstacles, /libcudnn\.so\.9 cannot be found; run `vitrine cuda --libraries`/);
    assert.deepEqual((await at.install({ libraries: true })).missing, []);
    const names = await readdir(librariesFolder(at.env));
    for (const name of cudaLibraries) assert.ok(names.includes(name), name);
    assert.ok(!names.some((name) => name.endsWith('.whl') || name.endsWith('.part')), String(names));
  });

  it('comes from an index that speaks HTML alone, as older mirrors do', async () => {
    await using at = await somePackage(host, { html: true });
    assert.equal((await at.install()).hasProvider, true);
  });

  it('is refused with another hash, and nothing of it stays', async () => {
    await using at = await somePackage(host, { wheel: { sha256: '0'.repeat(64) } });
    await assert.rejects(at.install(), new RegExp(`its SHA-256 is ${sha256Of(provider)}, not 0000.*PIP_INDEX_URL`));
    assert.equal((await examineCuda(at)).hasProvider, false);
    assert.deepEqual(await readdir(librariesFolder(at.env)), []);
  });

  it('is refused for another version of the binding, before anything is downloaded', async () => {
    await using at = await somePackage(host, { version: '1.31.0' });
    await assert.rejects(at.install(), /onnxruntime-node is 1\.31\.0, and the provider that is known is of 1\.30\.0/);
    assert.deepEqual(host.asked, []);
  });

  it('goes on where a run before was cut off', async () => {
    await using at = await somePackage(host);
    const folder = librariesFolder(at.env);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${providerWheel.file}.part`), provider.subarray(0, 100));
    assert.equal((await at.install()).hasProvider, true);
    assert.ok(
      host.asked.some((one) => one.endsWith('.whl bytes=100-')),
      String(host.asked),
    );
  });

  it('says what an index does not have, and that it must be encrypted', async () => {
    await using at = await somePackage(host);
    host.files.delete(`/simple/${providerWheel.project}/`);
    await assert.rejects(at.install(), /has no onnxruntime_gpu-.*; set PIP_INDEX_URL/);
    await assert.rejects(at.install({ index: 'http://127.0.0.1:1/simple' }), /no https address; correct PIP_INDEX_URL/);
  });

  it('is pinned for the version of the binding that this Vitrine has', async () => {
    const text = await readFile('node_modules/onnxruntime-node/package.json', 'utf8');
    assert.equal(providerWheel.version, JSON.parse(text).version);
  });

  it('that the system’s loader refuses is said in the loader’s words', async () => {
    await using folder = await temporaryFolder();
    assert.match(whyNotLoaded('cuda', folder.path) ?? '', /_shared\.so is not beside the binding; run vitrine cuda/);
    for (const name of providerFiles) await writeFile(join(folder.path, name), 'no library');
    assert.match(whyNotLoaded('cuda', folder.path) ?? '', /file too short|invalid ELF header/);
  });

  it('that cannot be used leaves a model on the processor, and health says why in ONNX Runtime’s words', async () => {
    const manifest = { providers: ['cuda'] };
    await using served = await serveModels({ wants: { onnx: perceptron(), manifest }, plain: { onnx: perceptron() } });
    const use = providerUse(served.registry.models(), { model: () => true, sizes: true });
    if (use.providers.cuda) return;
    assert.deepEqual(use.providers, { cpu: 2 });
    assert.match(
      use.message ?? '',
      /^wants runs on cpu, not on cuda: it cannot be had: .*(is not beside the binding; run vitrine cuda|cannot open shared object)/,
    );
    const [fallen] = use.fell_back ?? [];
    assert.deepEqual([fallen?.model, fallen?.wanted, fallen?.provider], ['wants', 'cuda', 'cpu']);
    const toStrangers = providerUse(served.registry.models(), { model: () => false, sizes: false });
    assert.equal(toStrangers.message, '1 of the models run on another provider than they ask for.');
  });
});

type Given = { version?: string; html?: boolean; wheel?: Partial<Wheel> };

/** A package onnxruntime-node without CUDA, a cache, and an index that has the wheels. */
async function somePackage(host: ArchiveHost, given: Given = {}) {
  const folder = await temporaryFolder();
  const binding = join(folder.path, 'onnxruntime-node');
  const bindingFolder = join(binding, 'bin', 'napi-v6', 'linux', 'x64');
  await mkdir(bindingFolder, { recursive: true });
  await writeFile(join(binding, 'package.json'), JSON.stringify({ version: given.version ?? version }));
  await writeFile(join(bindingFolder, 'onnxruntime_binding.node'), '');
  const env = { VITRINE_CACHE: join(folder.path, 'cache') };
  const wheels = {
    provider: { ...providerWheel, version, sha256: sha256Of(provider), sizeBytes: provider.length, ...given.wheel },
    libraries: [
      {
        ...{ project: 'nvidia-all', version: '13', file: 'nvidia_all-13-py3-none-any.whl' },
        ...{ sha256: sha256Of(libraries), sizeBytes: libraries.length, takes: /\/lib\/lib[^/]+$/ },
      },
    ],
  };
  for (const [wheel, bytes] of [
    [wheels.provider, provider],
    [wheels.libraries[0]!, libraries],
  ] as const) {
    const url = `../../files/${wheel.file}`;
    const page = given.html
      ? `<!doctype html><a href="${url}#sha256=${wheel.sha256}">${wheel.file}</a>`
      : JSON.stringify({
          files: [
            { filename: 'another.whl', url: 'x' },
            { filename: wheel.file, url },
          ],
        });
    host.files.set(`/simple/${wheel.project}/`, Buffer.from(page));
    host.files.set(`/files/${wheel.file}`, bytes);
  }
  return {
    binding,
    bindingFolder,
    env,
    install: ({ libraries: all = false, index = `${host.url}/simple` } = {}) =>
      installCuda({
        ...{ binding, env, index, libraries: all, wheels },
        signal: new AbortController().signal,
        onStep: () => undefined,
      }),
    removeProvider: async () => {
      for (const name of providerFiles) await rm(join(bindingFolder, name));
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
