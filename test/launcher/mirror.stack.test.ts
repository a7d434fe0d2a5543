import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../launcher/cache-folder.ts';
import { testEnvironment } from '../../testkit/stack.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { releaseMirror } from './programs/release-mirror.ts';
import { vitrine } from './vitrine-command.ts';

async function run(env: NodeJS.ProcessEnv, ...parameters: string[]) {
  const { code, stdout, stderr } = await vitrine(env, ...parameters);
  return { code, said: stdout + stderr };
}

// The quickest servers; the others come the same way.
const only = ['--only', 'collector,alertmanager'];

describe('a mirror of our own builds', function () {
  this.timeout(300_000);
  let folder: TemporaryFolder;
  let sums: string;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    folder = await temporaryFolder();
    sums = join(folder.path, 'mirror/SHA256SUMS');
    const written = await run(testEnvironment(folder.path), 'archives', ...only, join(folder.path, 'mirror'));
    assert.equal(written.code, 0, written.said);
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    for (const [name, program] of [
      ['node', process.execPath],
      ['sh', '/bin/sh'],
    ] as const)
      await symlink(program, join(bin, name));
    env = testEnvironment(join(folder.path, 'data'), {
      PATH: bin,
      VITRINE_CACHE: join(folder.path, 'cache'),
      VITRINE_MIRROR_SHA256SUMS: sums,
    });
  });

  after(() => folder[Symbol.asyncDispose]());

  function serve() {
    return releaseMirror((request, response) => {
      const file = createReadStream(join(folder.path, 'mirror', request.url ?? ''));
      file.on('error', () => response.writeHead(404).end()).pipe(response);
    });
  }

  it('starts a machine that has neither Go nor servers', async () => {
    assert.notEqual(env.VITRINE_CACHE, cacheFolder());
    await using mirror = await serve();
    const own = { ...env, VITRINE_MIRROR: mirror.url };
    const up = await run(own, 'up', '--detach', ...only);
    try {
      assert.equal(up.code, 0, up.said);
      for (const title of ['OpenTelemetry Collector', 'Alertmanager'])
        assert.match(up.said, new RegExp(`${title} \\(\\d of 2\\): downloaded from ${mirror.url}/`));
      assert.match((await run(own, 'doctor')).said, /OpenTelemetry Collector runs, .*, downloaded from /);
    } finally {
      await vitrine(own, 'down');
    }
  });

  it('says what is wrong where an archive is not what the list says', async () => {
    await using mirror = await serve();
    const list = join(folder.path, 'changed');
    await writeFile(list, (await readFile(sums, 'utf8')).replaceAll(/^[0-9a-f]{64}/gm, '0'.repeat(64)));
    const own = {
      ...env,
      VITRINE_MIRROR: mirror.url,
      VITRINE_MIRROR_SHA256SUMS: list,
      VITRINE_CACHE: join(folder.path, 'other'),
    };
    const up = await run(own, 'up', '--detach', '--only', 'alertmanager');
    await vitrine(own, 'down');
    assert.notEqual(up.code, 0);
    assert.match(
      up.said,
      /no go command on PATH.* has to be built because .* has another file: its SHA-256 is [0-9a-f]{64}, not 0{64}, and because the PATH has none/,
    );
  });
});
