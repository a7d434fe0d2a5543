import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { placesCheck } from '../../src/api/health/places-check.ts';
import { readConfig } from '../../src/config.ts';
import { ModelRepository } from '../../src/engine/places/model-repository.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { type ArchiveHost, archiveHost } from '../../testkit/places/archive-host.ts';
import { sha256Of, tarGzOf } from '../../testkit/places/archives.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { zipOf } from '../launcher/programs/release-mirror.ts';

const onnx = identity('FP32');
const model = { name: 'a/1/model.onnx', content: onnx };

describe('models from an archive', () => {
  let host: ArchiveHost;
  before(async () => {
    host = await archiveHost();
  });
  after(() => host[Symbol.asyncDispose]());
  beforeEach(() => {
    host.instead = () => false;
    host.files.clear();
    host.asked.length = 0;
  });

  it('are downloaded once, verified, and served from the disk, also when their host is gone', async () => {
    const archive = await tarGzOf([model, { name: 'a/model.json', content: Buffer.from('{}') }]);
    await using at = await someData(host, archive);
    await using repository = await at.open();
    const [folder] = await repository.scan();
    assert.deepEqual([folder?.name, folder?.versions], ['a', ['1']]);
    assert.deepEqual(await readFile(join(folder!.folder, '1', 'model.onnx')), Buffer.from(onnx));
    assert.equal(repository.downloadedBytes.https, archive.length);
    host.instead = (request) => Boolean(request.destroy());
    await using again = await at.open();
    assert.deepEqual(
      (await again.scan()).map(({ name }) => name),
      ['a'],
    );
    assert.equal(again.standings[0]?.state, 'ready');
    assert.equal(host.asked.length, 1);
  });

  it('may lie in one folder of the archive', async () => {
    await using at = await someData(host, await tarGzOf([{ ...model, name: './repository-1.0/a/1/model.onnx' }]));
    await using repository = await at.open();
    assert.deepEqual(
      (await repository.scan()).map(({ name }) => name),
      ['a'],
    );
  });

  it('may be packed as .zip, whose paths and links are refused likewise', async () => {
    await using at = await someData(host, zipOf({ 'top/a/1/model.onnx': onnx }), { form: 'zip' });
    await using repository = await at.open();
    assert.deepEqual(
      (await repository.scan()).map(({ name }) => name),
      ['a'],
    );
    await using bad = await someData(host, zipOf({ 'a/1/model.onnx': onnx, '../escape': onnx }), { form: 'zip' });
    await using refused = await bad.open();
    assert.match(refused.standings[0]?.problem ?? '', /it cannot be read \(invalid relative path/);
  });

  it('go on where the transfer was cut off, in one process and after a restart', async () => {
    const archive = await tarGzOf([{ ...model, content: randomBytes(600_000) }]);
    await using at = await someData(host, archive);
    let cuts = 2;
    host.instead = (request, response) => {
      if (cuts === 0) return false;
      cuts -= 1;
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      response.writeHead(from > 0 ? 206 : 200, {
        'Content-Length': archive.length - from,
        'Content-Range': `bytes ${from}-${archive.length - 1}/${archive.length}`,
      });
      response.write(archive.subarray(from, from + 200_000));
      // What came counts only once it is on the disk.
      void waitFor('some bytes', async () => (await at.partBytes()) > from).then(() => response.destroy());
      return true;
    };
    await using repository = await at.open();
    assert.equal(repository.standings[0]?.state, 'ready', repository.standings[0]?.problem);
    assert.equal(host.asked.length, 3);
    assert.ok(
      host.asked.slice(1).every((one) => /bytes=[1-9]\d+-$/.test(one)),
      String(host.asked),
    );

    // As a process leaves it that was killed.
    await using later = await someData(host, archive);
    await writeFile(join(await later.folder(), 'archive.part'), archive.subarray(0, 300_000));
    host.instead = () => false;
    host.asked.length = 0;
    await using resumed = await later.open();
    assert.equal(resumed.standings[0]?.state, 'ready');
    assert.deepEqual(
      host.asked.map((one) => one.split(' ')[1]),
      ['bytes=300000-'],
    );
    assert.equal(resumed.downloadedBytes.https, archive.length - 300_000);
  });

  it('begin again where what came before was of another file', async () => {
    const archive = await tarGzOf([model]);
    await using at = await someData(host, archive);
    const part = join(await at.folder(), 'archive.part');
    await writeFile(part, Buffer.alloc(archive.length + 10, 1));
    await using repository = await at.open();
    assert.equal(repository.standings[0]?.state, 'ready', repository.standings[0]?.problem);
  });

  it('are refused with another hash, and nothing of them stays', async () => {
    const archive = await tarGzOf([model]);
    await using at = await someData(host, archive, { sha256: sha256Of(onnx) });
    await using repository = await at.open();
    assert.equal(repository.standings[0]?.state, 'refused');
    assert.match(repository.standings[0]?.problem ?? '', new RegExp(`its SHA-256 is ${sha256Of(archive)}; correct`));
    assert.deepEqual(await repository.scan(), []);
    assert.deepEqual(await leftIn(await at.folder()), []);
    const everything = placesCheck(repository.standings, { model: () => true, sizes: true });
    assert.equal(everything.status, 'warning');
    assert.match(everything.message ?? '', /its SHA-256 is/);
    const toStrangers = placesCheck(repository.standings, { model: () => false, sizes: false });
    assert.equal(toStrangers.message, 'A place of VITRINE_MODELS is refused.');
    assert.ok(!JSON.stringify(toStrangers).includes(new URL(host.url).host));
  });

  const bad: [string, Parameters<typeof tarGzOf>[0], RegExp][] = [
    ['an absolute path', [{ ...model, name: '/tmp/vitrine-escape' }], /leads elsewhere/],
    ['a path that climbs', [model, { name: 'a/../../escape', content: onnx }], /leads elsewhere/],
    ['a path with a backslash', [model, { name: 'a\\..\\escape', content: onnx }], /leads elsewhere/],
    [
      'a link',
      [
        { name: 'a', type: 'symlink', linkname: '/etc' },
        { ...model, name: 'a/1/model.onnx' },
      ],
      /a symlink, which is neither/,
    ],
    ['a hard link', [model, { name: 'b', type: 'link', linkname: '/etc/passwd' }], /a link, which is neither/],
    ['a device', [model, { name: 'b', type: 'character-device' }], /a character-device, which/],
    ['two files in one place', [model, model], /two entries in one place/],
    ['a file that is a folder too', [{ name: 'a/1', content: onnx }, model], /two entries in one place/],
    [
      'more bytes than may be',
      [model, { name: 'a/1/weights', content: Buffer.alloc(3_000_000) }],
      /more than 2000000 bytes/,
    ],
    [
      'more files than may be',
      Array.from({ length: 11 }, (_, at) => ({ name: `a/1/${at}`, content: onnx })),
      /more than 10 entries/,
    ],
    ['no model', [{ name: 'readme', content: onnx }], /it has no model/],
  ];
  for (const [what, entries, sentence] of bad)
    it(`are refused where the archive has ${what}`, async () => {
      const archive = await tarGzOf(entries);
      await using at = await someData(host, archive, {
        settings: { VITRINE_MODELS_BYTES_MAX: '2000000', VITRINE_MODELS_FILES_MAX: '10' },
      });
      await using repository = await at.open();
      assert.equal(repository.standings[0]?.state, 'refused', repository.standings[0]?.problem);
      assert.match(repository.standings[0]?.problem ?? '', sentence);
      assert.deepEqual(await repository.scan(), []);
      assert.equal(await stat('/tmp/vitrine-escape').catch(() => undefined), undefined);
    });

  it('are refused where the archive is larger than may be, before it is here', async () => {
    const archive = await tarGzOf([{ ...model, content: randomBytes(50_000) }]);
    await using at = await someData(host, archive, { settings: { VITRINE_MODELS_BYTES_MAX: '20000' } });
    await using repository = await at.open();
    assert.match(repository.standings[0]?.problem ?? '', /more than 20000; raise VITRINE_MODELS_BYTES_MAX/);
    assert.equal(repository.downloadedBytes.https, 0);
  });

  it('are followed to other hosts as long as they are encrypted', async () => {
    const archive = await tarGzOf([model]);
    await using at = await someData(host, archive);
    let to = '/moved.tar.gz';
    host.files.set('/moved.tar.gz', archive);
    host.instead = (request, response) => {
      if (request.url?.startsWith('/moved')) return false;
      response.writeHead(302, { Location: to }).end();
      return true;
    };
    await using repository = await at.open();
    assert.equal(repository.standings[0]?.state, 'ready');
    to = 'http://127.0.0.1:1/plain.tar.gz';
    await using other = await someData(host, archive);
    await using plain = await other.open();
    assert.match(plain.standings[0]?.problem ?? '', /leads to what is not https/);
  });

  it('need the signature of the key that is set', async () => {
    const archive = await tarGzOf([model]);
    const [ours, theirs] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
    await using at = await someData(host, archive, { publicKey: ours.publicKey });
    const problem = async () => {
      await using repository = await at.open();
      return repository.standings[0]?.problem ?? repository.standings[0]?.state;
    };
    assert.match((await problem())!, /there is no signature at \/models\.tar\.gz\.sig; sign the 64 digits/);
    const signature = (by: KeyObject) => sign(null, Buffer.from(sha256Of(archive)), by);
    host.files.set('/models.tar.gz.sig', signature(theirs.privateKey));
    assert.match((await problem())!, /not that of VITRINE_MODELS_PUBLIC_KEY_FILE/);
    host.files.set('/models.tar.gz.sig', Buffer.from(`${signature(ours.privateKey).toString('base64')}\n`));
    assert.equal(await problem(), 'ready');
    // What came without a signature is not served once one is wanted.
    await using unsigned = await someData(host, archive);
    await (await unsigned.open())[Symbol.asyncDispose]();
    host.files.delete('/models.tar.gz.sig');
    await using signed = await unsigned.open({ publicKey: ours.publicKey });
    assert.deepEqual(await signed.scan(), []);
  });

  it('come after those of an earlier place, which is said', async () => {
    await using at = await someData(host, await tarGzOf([model, { ...model, name: 'b/1/model.onnx' }]));
    await using own = await temporaryFolder();
    await writeModel(own.path, 'a', onnx, { version: '7' });
    await using repository = await at.open({ before: `${own.path},` });
    const versions = (await repository.scan()).map(({ name, versions }) => [name, ...versions]);
    assert.deepEqual(versions, [
      ['a', '7'],
      ['b', '1'],
    ]);
  });

  it('are tried again until their host is there, and are reported then', async () => {
    const archive = await tarGzOf([model]);
    await using at = await someData(host, archive, { settings: { VITRINE_MODELS_LOOK_MS: '100' } });
    host.instead = (_request, response) => {
      response.writeHead(404).end();
      return true;
    };
    await using repository = await at.open();
    assert.equal(repository.standings[0]?.state, 'unreachable');
    const came = Promise.withResolvers<readonly string[]>();
    repository.follow({ all: false, isUsed: () => false, came: async (names) => came.resolve(names) });
    host.instead = () => false;
    assert.deepEqual(await came.promise, ['a']);
  });
});

async function leftIn(folder: string): Promise<string[]> {
  const known = ['lock', 'standing.json', 'served'];
  return (await readdir(folder)).filter((name) => !known.includes(name));
}

type Options = {
  form?: 'tar.gz' | 'zip';
  sha256?: string;
  settings?: Record<string, string>;
  publicKey?: KeyObject;
  before?: string;
};

/** A data folder, and a repository in it that has the archive of the host. */
async function someData(host: ArchiveHost, archive: Buffer, given: Options = {}) {
  const data = await temporaryFolder();
  const path = `/models.${given.form ?? 'tar.gz'}`;
  host.files.set(path, archive);
  const open = async (more: Options = {}) => {
    const { sha256 = sha256Of(archive), settings = {}, publicKey, before = '' } = { ...given, ...more };
    const keyFile = join(data.path, 'key.pem');
    if (publicKey) await writeFile(keyFile, publicKey.export({ type: 'spki', format: 'pem' }));
    const repository = new ModelRepository(
      readConfig({
        VITRINE_DATA: data.path,
        VITRINE_MODELS: `${before}${host.url}${path}#sha256=${sha256}`,
        ...(publicKey && { VITRINE_MODELS_PUBLIC_KEY_FILE: keyFile }),
        ...settings,
      }),
    );
    await repository.open();
    return repository;
  };
  return {
    open,
    /** How much of the archive is on the disk, as long as it is not whole. */
    partBytes: async () => {
      const places = join(data.path, 'models');
      const [one] = await readdir(places);
      return (await stat(join(places, one!, 'archive.part')).catch(() => ({ size: 0 }))).size;
    },
    /** The place's own folder, which a first look makes. */
    folder: async () => {
      const places = join(data.path, 'models');
      let [one] = await readdir(places).catch(() => []);
      if (one === undefined) {
        host.instead = (_request, response) => {
          response.writeHead(404).end();
          return true;
        };
        await (await open())[Symbol.asyncDispose]();
        host.instead = () => false;
        [one] = await readdir(places);
      }
      return join(places, one!);
    },
    [Symbol.asyncDispose]: () => data[Symbol.asyncDispose](),
  };
}
