import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import type { ServerProgress } from '../../launcher/servers/server-context.ts';
import { goVersionMin, type Server } from '../../launcher/servers.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { program, releaseMirror, sha256Of, tarOf, zipOf } from './programs/release-mirror.ts';
import { tinyServer, writeTinyModule } from './programs/tiny-server.ts';

const run = promisify(execFile);
const path = 'tiny/releases/v1.2.3/tiny.tar.gz';

/** Its build works too, and says another text. */
function releasedServer(sha256: string): Server {
  const here = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return {
    ...tinyServer,
    versionArguments: ['--version'],
    release: {
      path: 'tiny/releases/v{version}/tiny.tar.gz',
      member: 'tiny-{version}/tiny',
      sha256: { [here]: sha256 },
    },
  };
}

describe('a server’s archive', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let archive: Buffer;

  beforeEach(async () => {
    folder = await temporaryFolder();
    await writeTinyModule(folder.path);
    archive = await tarOf({ 'tiny-1.2.3/README': 'Read me.', 'tiny-1.2.3/tiny': program('1.2.3') });
  });

  afterEach(() => folder[Symbol.asyncDispose]());

  async function get(server: Server, env: NodeJS.ProcessEnv) {
    const refused: string[] = [];
    let found: Extract<ServerProgress, { phase: 'done' }>['found'];
    const at = await ensureServer(server, {
      root: folder.path,
      env: {
        ...process.env,
        VITRINE_CACHE: join(folder.path, 'cache'),
        VITRINE_MIRROR: '',
        VITRINE_MIRROR_SHA256SUMS: '',
        ...env,
      },
      onProgress: (now) => {
        if (now.phase === 'refused') refused.push(now.why);
        if (now.phase === 'done') found = now.found;
      },
    });
    const { stdout, stderr } = await run(join(at, 'tiny'), ['--version']);
    return { at, refused, way: found?.way, says: stdout || stderr };
  }

  it('is taken where its SHA-256 is the pinned one, and nothing else of it stays', async () => {
    await using mirror = await releaseMirror((_request, response) => response.end(archive));
    const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: `${mirror.url}/` });
    assert.deepEqual([got.way, got.refused, got.says], ['archive', [], 'tiny, version 1.2.3\n']);
    assert.deepEqual(mirror.asked, [`/${path}`]);
    assert.deepEqual((await readdir(got.at)).sort(), ['source.json', 'tiny']);
    assert.deepEqual(JSON.parse(await readFile(join(got.at, 'source.json'), 'utf8')), {
      way: 'archive',
      url: `${mirror.url}/${path}`,
      sha256: sha256Of(archive),
    });
    assert.equal((await get(releasedServer(sha256Of(archive)), {})).way, undefined);
  });

  it('may be a zip', async () => {
    const zip = zipOf({ 'tiny-linux': program('1.2.3') });
    await using mirror = await releaseMirror((_request, response) => response.end(zip));
    const { release, ...server } = releasedServer(sha256Of(zip));
    const zipped = { ...release!, path: 'tiny/tiny.zip', member: 'tiny-linux' };
    const got = await get({ ...server, release: zipped }, { VITRINE_MIRROR: mirror.url });
    assert.deepEqual([got.way, got.refused, got.says], ['archive', [], 'tiny, version 1.2.3\n']);
  });

  it('with another SHA-256 is refused with both sums, and the server is built', async () => {
    await using mirror = await releaseMirror((_request, response) => response.end(archive));
    const got = await get(releasedServer('0'.repeat(64)), { VITRINE_MIRROR: mirror.url });
    assert.equal(got.way, 'build');
    assert.match(
      got.refused.join(),
      new RegExp(`has another file: its SHA-256 is ${sha256Of(archive)}, not ${'0'.repeat(64)}`),
    );
    assert.equal(got.says, '1.2.3\n');
  });

  it('goes on where it was cut off', async () => {
    await using mirror = await releaseMirror((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = archive.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        'Content-Length': rest.length,
        ...(from > 0 && { 'Content-Range': `bytes ${from}-${archive.length - 1}/${archive.length}` }),
      });
      if (from > 0) response.end(rest);
      else response.write(rest.subarray(0, 100), () => response.destroy());
    });
    const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: mirror.url });
    assert.deepEqual([got.way, got.refused], ['archive', []]);
    assert.deepEqual(mirror.asked, [`/${path}`, `/${path} bytes=100-`]);
  });

  it('that is cut off by a host which cannot go on is given up', async () => {
    await using mirror = await releaseMirror((_request, response) => {
      response.writeHead(200, { 'Content-Length': archive.length });
      response.write(archive.subarray(0, 100), () => response.destroy());
    });
    const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: mirror.url });
    assert.equal(got.way, 'build');
    assert.match(got.refused.join(), new RegExp(`broke off after 100 of ${archive.length} bytes`));
  });

  for (const [what, answer, why] of [
    ['does not answer', () => undefined, /did not answer within 1000 ms/],
    ['sends nothing any more', (_, response) => response.write('a'), /sends nothing any more/],
    ['has no such file', (_, response) => response.writeHead(404).end(), /answered 404 for \/tiny\/releases/],
    ['leads on and on', (request, response) => response.writeHead(302, { Location: request.url }).end(), /leads on/],
  ] as const satisfies readonly [string, Parameters<typeof releaseMirror>[0], RegExp][])
    it(`of a mirror that ${what} is given up, and the server is built`, async () => {
      await using mirror = await releaseMirror(answer);
      const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: mirror.url });
      assert.equal(got.way, 'build');
      assert.match(got.refused.join('\n'), why);
    });

  it('that would take longer than the build is given up', async () => {
    await using mirror = await releaseMirror((request, response) => {
      response.writeHead(200, { 'Content-Length': 1_000_000 });
      const drip = setInterval(() => response.write('a'), 100);
      request.on('close', () => clearInterval(drip));
    });
    const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: mirror.url });
    assert.equal(got.way, 'build');
    assert.match(got.refused.join('\n'), /would take \d+ s for it/);
  });

  it('of a mirror that is not there is given up at once', async () => {
    const got = await get(releasedServer(sha256Of(archive)), { VITRINE_MIRROR: 'http://127.0.0.1:1' });
    assert.equal(got.way, 'build');
    assert.match(got.refused.join('\n'), /127\.0\.0\.1:1 cannot be reached \(/);
  });

  it('without a pinned SHA-256 is taken when the mirror’s own list has it', async () => {
    await using mirror = await releaseMirror((_request, response) => response.end(archive));
    const server = { ...releasedServer(''), release: { ...releasedServer('').release!, sha256: {} } };
    const without = await get(server, { VITRINE_MIRROR: mirror.url });
    assert.equal(without.way, 'build');
    assert.match(without.refused.join('\n'), /no SHA-256 is known of version 1\.2\.3 for /);
    assert.deepEqual(mirror.asked, []);
    await rm(join(folder.path, 'cache'), { recursive: true });
    const sums = join(folder.path, 'SHA256SUMS');
    await writeFile(sums, `${sha256Of(archive)}  ./${path}\n`);
    const env = { VITRINE_MIRROR: mirror.url, VITRINE_MIRROR_SHA256SUMS: sums };
    assert.equal((await get(server, env)).way, 'archive');
  });

  it('with a program of another version is refused', async () => {
    const other = await tarOf({ 'tiny-1.2.3/tiny': program('1.2.4') });
    await using mirror = await releaseMirror((_request, response) => response.end(other));
    const got = await get(releasedServer(sha256Of(other)), { VITRINE_MIRROR: mirror.url });
    assert.equal(got.way, 'build');
    assert.match(got.refused.join('\n'), /tiny\.tar\.gz holds is 1\.2\.4, and 1\.2\.3 is needed/);
  });

  it('without the program is refused', async () => {
    const other = await tarOf({ 'tiny-1.2.3/README': 'Read me.' });
    await using mirror = await releaseMirror((_request, response) => response.end(other));
    const got = await get(releasedServer(sha256Of(other)), { VITRINE_MIRROR: mirror.url });
    assert.match(got.refused.join('\n'), /its archive has no tiny-1\.2\.3\/tiny/);
  });

  it('that is no archive is refused', async () => {
    const other = Buffer.from('no archive');
    await using mirror = await releaseMirror((_request, response) => response.end(other));
    const got = await get(releasedServer(sha256Of(other)), { VITRINE_MIRROR: mirror.url });
    assert.equal(got.way, 'build');
    assert.match(got.refused.join('\n'), /its archive cannot be read/);
  });

  it('is not asked for with VITRINE_MIRROR=none; a program on the PATH in the right version is used', async () => {
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'tiny'), program('1.2.3'));
    await chmod(join(bin, 'tiny'), 0o755);
    const env = { VITRINE_MIRROR: 'none', PATH: `${bin}:${process.env.PATH}` };
    const got = await get(releasedServer('0'.repeat(64)), env);
    assert.deepEqual([got.way, got.refused, got.says], ['path', [], 'tiny, version 1.2.3\n']);
    assert.equal((await get(releasedServer('0'.repeat(64)), env)).way, undefined);
    // Someone upgrades it: it is looked at again, and is no longer the right one.
    await writeFile(join(bin, 'tiny'), program('1.3.0-next'));
    const after = await get(releasedServer('0'.repeat(64)), env);
    assert.equal(after.way, 'build');
    assert.match(after.refused.join('\n'), /bin\/tiny is 1\.3\.0-next, and 1\.2\.3 is needed/);
  });

  it('that is refused where nothing can be built has its reason in the failure', async () => {
    const empty = join(folder.path, 'empty');
    await mkdir(empty);
    await assert.rejects(get(releasedServer('0'.repeat(64)), { VITRINE_MIRROR: 'none', PATH: empty }), {
      name: 'StackFailure',
      message: `Cannot build Tiny: there is no go command on PATH; install Go ${goVersionMin} or newer from https://go.dev/dl and start again. It has to be built because VITRINE_MIRROR is none, and because the PATH has none; VITRINE_MIRROR can name a mirror that has it.`,
    });
  });

  it('is refused with a sentence where the mirror’s settings are wrong', async () => {
    const server = releasedServer('0'.repeat(64));
    await assert.rejects(
      get(server, { VITRINE_MIRROR: 'ftp://mirror.example' }),
      /^StackFailure: Cannot download servers: VITRINE_MIRROR is "ftp:\/\/mirror\.example", which is no http address;/,
    );
    await assert.rejects(
      get(server, { VITRINE_MIRROR_SHA256SUMS: join(folder.path, 'nowhere') }),
      /^StackFailure: Cannot check archives: .*nowhere is not there; correct VITRINE_MIRROR_SHA256SUMS/,
    );
    const sums = join(folder.path, 'SHA256SUMS');
    await writeFile(sums, 'no sums\n');
    await assert.rejects(
      get(server, { VITRINE_MIRROR_SHA256SUMS: sums }),
      /^StackFailure: Cannot check archives: line 1 of .* is not as sha256sum prints it;/,
    );
  });
});
