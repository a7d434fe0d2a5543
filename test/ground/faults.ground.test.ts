import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ensureImages } from '../../launcher/ground/build-images.ts';
import { sweepOwnedFolders } from '../../launcher/ground/owned-folders.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { apart } from '../../testkit/ground/apart.ts';
import { memoryCgroup } from '../../testkit/memory-cgroup.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const root = join(import.meta.dirname, '../..');
const images = [process.execPath, join(root, 'cli/command-line.ts'), 'images'];
/** What a shell does in mounts of its own before it becomes the command. */
const after = (change: string) => ['unshare', '--mount', 'sh', '-c', `${change} && exec "$@"`, 'sh'];

describe('a machine that cannot run containers', function () {
  this.timeout(3 * 60_000);
  let cache: TemporaryFolder;

  beforeEach(async () => {
    cache = await temporaryFolder();
  });

  afterEach(async () => {
    await cache[Symbol.asyncDispose]();
    assert.deepEqual(
      (await readdir(tmpdir())).filter((name) => name.startsWith('vitrine-engine-')),
      [],
    );
  });

  it('without cgroups is named, with the remedy', () =>
    refuses(after('umount --lazy --recursive /sys/fs/cgroup'), /no cgroups are mounted under \/sys\/fs\/cgroup; /));

  it('without the overlay file system is named, with the remedy', async () => {
    const systems = join(cache.path, 'filesystems');
    await writeFile(systems, 'nodev\tproc\n\text4\n');
    await refuses(after(`mount --bind ${systems} /proc/filesystems`), /no overlay file system; load it with modprobe/);
  });

  it('with too little memory is named, with what is needed', async function () {
    await using cgroup = availableOrSkip(this as never, await memoryCgroup(1.5e9));
    await refuses(cgroup.enter, /1\.\d GB of memory is free, and the stack needs 4\.0 GB; /);
  });

  it('with too little disk is named, with the setting', async function () {
    await using disk = availableOrSkip(this as never, await smallFileSystem(64e6));
    await refuses([], /0\.1 GB is free in \S+, and they need 8\.0 GB; .+VITRINE_CACHE/, { VITRINE_CACHE: disk.path });
  });

  it('without root is named, with the remedy', async () => {
    await chmod(cache.path, 0o777);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    await refuses(nobody, /you are not root; run it as root/, { HOME: cache.path });
  });

  it('without the engine is named, with the package', async () => {
    await mkdir(join(cache.path, 'none'));
    const programs = ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].filter(existsSync);
    const hide = programs.map((path) => `mount --bind /dev/null ${path}`).join(' && ');
    await refuses(after(hide), /dockerd cannot be found; install with apt-get install docker\.io/);
  });

  it('without its registry is named, with the way to do without', () =>
    refuses([], /Cannot pull \S+: .+; connect to the registry, or set VITRINE_IMAGES=here/, {
      VITRINE_IMAGES: 'registry',
    }));

  it('without iptables is named, with the remedy', async () => {
    const archive = await busybox();
    const { code, output } = await run([
      ...after('mount --bind /bin/false /usr/sbin/iptables'),
      ...engineCommand(archive, 'a', 8000),
    ]);
    assert.notEqual(code, 0);
    assert.match(output, /Cannot start a Docker engine: .*iptables.*; load ip_tables and nf_nat, or install iptables/);
  });

  it('runs two stacks at once, each with the usual ports, and a killed one is swept up', async () => {
    const archive = await busybox();
    const [first, second] = await Promise.all(['first', 'second'].map((text) => startApart(archive, text)));
    try {
      assert.deepEqual([first!.answer, second!.answer], ['first', 'second']);
      first!.child.stdin.end();
      await first!.ended;
      assert.ok(!existsSync(first!.folder));
      second!.child.kill('SIGKILL');
      await second!.ended;
      // What it had started ends with it; its folder and its cgroup stay, since nobody could remove them.
      const swept = await waitFor('what was killed to be swept up', async () => {
        const found = await sweepOwnedFolders().catch(() => []);
        return found.length > 0 && found;
      });
      assert.deepEqual(swept, [basename(second!.folder)]);
      assert.deepEqual(await cgroupsOf(second!.folder), []);
    } finally {
      for (const one of [first, second]) one?.child.kill('SIGKILL');
    }
  });

  /** `vitrine images` ends with one sentence, and leaves its cache as it was. */
  async function refuses(within: readonly string[], sentence: RegExp, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const { code, output } = await run([...within, ...images], { VITRINE_CACHE: join(cache.path, 'cache'), ...env });
    assert.notEqual(code, 0, output);
    assert.match(output, sentence);
    assert.doesNotMatch(output, /^\s+at /m);
    const place = env.VITRINE_CACHE ?? join(cache.path, 'cache');
    const made = existsSync(join(place, 'images')) ? await readdir(join(place, 'images')) : [];
    assert.deepEqual(made, []);
  }
});

async function run(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  const [program = '', ...parameters] = command;
  const child = spawn(program, parameters, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

type Apart = {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly ended: Promise<unknown>;
  readonly folder: string;
  readonly answer: string;
};

/** An engine in a network, mounts and process ids of its own. */
async function startApart(archive: string, text: string): Promise<Apart> {
  const [program = '', ...parameters] = [...apart, ...engineCommand(archive, text, 8000)];
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let folder = '';
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('folder ')) folder = line.slice(7);
    if (line.startsWith('answered ')) return { child, ended, folder, answer: line.slice(9) };
  }
  throw new Error('The engine has ended');
}

function engineCommand(archive: string, text: string, port: number): string[] {
  const program = join(root, 'testkit/ground/run-engine.ts');
  return [process.execPath, program, archive, 'busybox:1.37.0-musl', String(port), text];
}

async function busybox(): Promise<string> {
  const { images: found } = await ensureImages();
  return found.find(({ name }) => name.startsWith('busybox:'))!.file;
}

async function cgroupsOf(folder: string): Promise<string[]> {
  const place = '/sys/fs/cgroup';
  return (await readdir(place))
    .map((controller) => join(place, controller, basename(folder)))
    .filter((path) => existsSync(path));
}
