import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureServer, serverFolder } from '../../launcher/servers/ensure-server.ts';
import type { ServerProgress } from '../../launcher/servers/server-context.ts';
import { goVersionMin } from '../../launcher/servers.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { tinyServer, writeTinyModule } from './programs/tiny-server.ts';

const run = promisify(execFile);

describe('a server’s build', function () {
  this.timeout(300_000);
  let root: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'vitrine-build-'));
    env = { ...process.env, VITRINE_CACHE: join(root, 'cache') };
    await writeTinyModule(root);
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  it('leaves a binary that runs and knows its version, and is not repeated', async () => {
    const folder = await ensureServer(tinyServer, { root, env });
    assert.equal((await run(join(folder, 'tiny'))).stderr, '1.2.3\n');
    const phases: ServerProgress[] = [];
    assert.equal(await ensureServer(tinyServer, { root, env, onProgress: (now) => phases.push(now) }), folder);
    assert.deepEqual(
      phases.map(({ phase }) => phase),
      ['done'],
    );
  });

  it('is a new one when a source, a pin or a flag changes', async () => {
    const before = await serverFolder(tinyServer, { root, env });
    assert.equal(await serverFolder(tinyServer, { root, env }), before);
    assert.notEqual(await serverFolder({ ...tinyServer, tags: 'other' }, { root, env }), before);
    await writeFile(join(root, 'tiny/main.go'), 'package main\n\nfunc main() {}\n');
    assert.notEqual(await serverFolder(tinyServer, { root, env }), before);
  });

  it('happens once when two starts want it at the same time', async () => {
    const program = join(import.meta.dirname, 'programs/build-tiny.ts');
    const starts = await Promise.all([1, 2, 3].map(() => run(process.execPath, [program, root], { env })));
    const answers = starts.map(({ stdout }) => JSON.parse(stdout) as { folder: string; phases: string[] });
    assert.equal(new Set(answers.map(({ folder }) => folder)).size, 1);
    assert.deepEqual(answers.map(({ phases }) => phases.at(-1)).sort(), [
      'done build',
      'done undefined',
      'done undefined',
    ]);
  });

  it('goes on after a build that was killed, and removes what it left', async () => {
    const folder = await serverFolder(tinyServer, { root, env });
    await mkdir(`${folder}.building-1`, { recursive: true });
    await writeFile(`${folder}.lock`, JSON.stringify({ pid: 1, startedAt: 'long ago' }));
    await ensureServer(tinyServer, { root, env });
    assert.deepEqual(await readdir(join(root, 'cache/servers')), [folder.split('/').at(-1)]);
  });

  it('ends when it is told to, and leaves nothing', async () => {
    const stop = new AbortController();
    const building = ensureServer(tinyServer, {
      root,
      env: { ...env, GOCACHE: join(root, 'go-cache') },
      signal: stop.signal,
      onProgress: ({ phase }) => phase === 'compiling' && stop.abort(),
    });
    await assert.rejects(building, { name: 'AbortError' });
    assert.deepEqual(await readdir(join(root, 'cache/servers')), []);
  });

  it('says that there is no Go, and what to do', async () => {
    const empty = join(root, 'empty');
    await mkdir(empty);
    await assert.rejects(ensureServer(tinyServer, { root, env: { ...env, PATH: empty } }), {
      name: 'StackFailure',
      message: `Cannot build Tiny: there is no go command on PATH; install Go ${goVersionMin} or newer from https://go.dev/dl and start again.`,
    });
  });

  it('says that Go is too old, and what to do', async () => {
    const bin = join(root, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'go'), '#!/bin/sh\necho go version go1.20.3 linux/amd64\n');
    await chmod(join(bin, 'go'), 0o755);
    await assert.rejects(
      ensureServer(tinyServer, { root, env: { ...env, PATH: `${bin}:${env.PATH}` } }),
      new RegExp(
        `^StackFailure: Cannot build Tiny: Go is 1\\.20\\.3, and ${goVersionMin} is needed; install a newer Go`,
      ),
    );
  });

  it('says that the real Go is too old for the module', async () => {
    await writeTinyModule(root, { goVersion: '1.99' });
    await assert.rejects(
      ensureServer(tinyServer, { root, env: { ...env, GOTOOLCHAIN: 'local' } }),
      /^StackFailure: Cannot build Tiny: Go is 1\.\d+\.?\d*, and 1\.99 is needed;/,
    );
  });

  it('says that there is no network, and what to do', async () => {
    await writeTinyModule(root, { require: '\nrequire example.org/far v1.0.0\n' });
    await writeFile(
      join(root, 'tiny/go.sum'),
      ['', '/go.mod'].map((end) => `example.org/far v1.0.0${end} h1:${'A'.repeat(43)}=\n`).join(''),
    );
    const offline = {
      ...env,
      GOPROXY: 'http://127.0.0.1:1',
      GOMODCACHE: join(root, 'modules'),
      GONOSUMDB: '*',
      GOFLAGS: '-modcacherw',
    };
    await assert.rejects(
      ensureServer(tinyServer, { root, env: offline }),
      /^StackFailure: Cannot download the Go modules of Tiny: .*connection refused; connect to a Go module proxy \(GOPROXY is http:\/\/127\.0\.0\.1:1\)/,
    );
  });

  it('says that the disk is full, and which settings choose another', async function () {
    const disk = availableOrSkip(this, await smallFileSystem(64 * 1024));
    try {
      const full = { ...env, VITRINE_CACHE: join(disk.path, 'cache') };
      await assert.rejects(
        ensureServer(tinyServer, { root, env: full }),
        /^StackFailure: Cannot build Tiny: the disk is full; free about 5 GB, or choose other places with VITRINE_CACHE/,
      );
    } finally {
      await disk[Symbol.asyncDispose]();
    }
  });
});
