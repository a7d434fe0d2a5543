import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { vitrine } from './vitrine-command.ts';

const root = join(import.meta.dirname, '../..');

describe('vitrine.mjs', function () {
  this.timeout(120_000);

  /** The bootstrap in a checkout without packages, where `npm` is whatever stands in `bin`. */
  async function startIn(folder: string, env: NodeJS.ProcessEnv): Promise<{ code: number; stderr: string }> {
    await mkdir(join(folder, 'stack'), { recursive: true });
    for (const file of ['package.json', 'package-lock.json', '.npmrc', 'cli/vitrine.mjs'])
      await cp(join(root, file), join(folder, file));
    return new Promise((done) => {
      execFile(process.execPath, [join(folder, 'cli/vitrine.mjs'), '--version'], { env }, (error, _, stderr) => {
        done({ code: error === null ? 0 : Number(error.code ?? -1), stderr });
      });
    });
  }

  it('hands over to the command line, and passes its words and its exit code on', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.deepEqual(await vitrine(process.env, '--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
    assert.equal((await vitrine(process.env, 'frobnicate')).code, 1);
  });

  it('says that the npm registry cannot be reached, and what to do', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await startIn(folder.path, {
      ...process.env,
      npm_execpath: undefined,
      npm_config_registry: 'http://127.0.0.1:1',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder.path, 'npm-cache'),
    });
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot install the packages: the npm registry cannot be reached; connect to a network/m);
  });

  it('says that there is no npm, and what to do', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await startIn(folder.path, { ...process.env, npm_execpath: undefined, PATH: folder.path });
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot install the packages: there is no npm on PATH; install Node with npm/m);
  });

  it('says that the disk is full when npm does', async () => {
    await using folder = await temporaryFolder();
    const npm = join(folder.path, 'npm');
    await writeFile(npm, '#!/bin/sh\necho "npm error code ENOSPC" >&2\nexit 1\n');
    await chmod(npm, 0o755);
    const { code, stderr } = await startIn(folder.path, {
      ...process.env,
      npm_execpath: undefined,
      PATH: `${folder.path}:${process.env.PATH}`,
    });
    assert.equal(code, 1);
    assert.match(stderr, /^Cannot install the packages: the disk with .* is full; free 1 GB/m);
  });
});
