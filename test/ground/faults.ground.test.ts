import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ensureStandIn } from '../../launcher/ground/build-images.ts';
import { sweepOwnedFolders } from '../../launcher/ground/owned-folders.ts';
import { CommandFailed, runCommand } from '../../launcher/run-command.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { engineCommand, startEngine, startEngineApart } from '../../testkit/ground/engine-apart.ts';
import { memoryCgroup } from '../../testkit/memory-cgroup.ts';
import { smallFileSystem } from '../../testkit/small-file-system.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';

const root = join(import.meta.dirname, '../..');
const images = [process.execPath, join(root, 'cli/command-line.ts'), 'images'];
/** What a shell does in mounts of its own before it becomes the command. */
const after = (change: string) => ['unshare', '--mount', 'sh', '-c', `${change} && exec "$@"`, 'sh'];

describe('a machine that cannot run containers', function () {
  this.timeout(10 * 60_000);
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
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const within = [...after('mount -t tmpfs -o mode=777 tmpfs /mnt'), ...nobody];
    await refuses(within, /you are not root; run it as root/, {
      VITRINE_CACHE: '/mnt/cache',
      SOURCE_DATE_EPOCH: '1767225600', // Git does not read root's checkout for another user.
    });
  });

  it('without a place for its images is named, with the setting', async () => {
    await writeFile(join(cache.path, 'cache'), 'no folder');
    await refuses([], /Cannot store images in \S+: .+; name a folder that can be written in VITRINE_CACHE/);
  });

  it('without the engine is named, with the package', async () => {
    const programs = ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].filter(existsSync);
    const hide = programs.map((path) => `mount --bind /dev/null ${path}`).join(' && ');
    await refuses(after(hide), /dockerd cannot be found; install with apt-get install docker\.io/);
  });

  it('without its registry is named, with the way to do without', () =>
    refuses([], /Cannot pull \S+: .+; connect to the registry, or set VITRINE_IMAGES=here/, {
      VITRINE_IMAGES: 'registry',
    }));

  it('without iptables is named, with the remedy', async () => {
    const { file: archive } = await ensureStandIn('busybox');
    const output = await failure([
      ...after('mount --bind /bin/false /usr/sbin/iptables'),
      ...engineCommand(archive, 'never'),
    ]);
    assert.match(output, /Cannot start a Docker engine: .*iptables.*; load ip_tables and nf_nat, or install iptables/);
  });

  it('runs two stacks at once, each with the usual ports', async () => {
    const { file: archive } = await ensureStandIn('busybox');
    const started = await Promise.allSettled(['first', 'second'].map((text) => startEngineApart(archive, text)));
    const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const { child } of running) child.stdin.end();
    for (const { ended } of running) await ended;
    assert.deepEqual(
      running.map(({ answer }) => answer),
      ['first', 'second'],
    );
  });

  it('has nothing left of a run that was killed, once the next one has begun', async () => {
    const { file: archive } = await ensureStandIn('busybox');
    const { child, ended, folder } = await startEngine(engineCommand(archive, 'killed'));
    child.kill('SIGKILL');
    await ended;
    // Its engine ends with it; nobody could remove its folder and its cgroup.
    assert.ok(existsSync(folder));
    assert.notDeepEqual(await cgroupsOf(folder), []);
    assert.deepEqual(await sweepOwnedFolders(), [basename(folder)]);
    assert.ok(!existsSync(folder));
    assert.deepEqual(await cgroupsOf(folder), []);
  });

  /** `vitrine images` ends with one sentence, and leaves its cache as it was. */
  async function refuses(within: readonly string[], sentence: RegExp, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const output = await failure([...within, ...images], { VITRINE_CACHE: join(cache.path, 'cache'), ...env });
    assert.match(output, sentence);
    assert.doesNotMatch(output, /^\s+at /m);
    const place = env.VITRINE_CACHE ?? join(cache.path, 'cache');
    const made = existsSync(join(place, 'images')) ? await readdir(join(place, 'images')) : [];
    assert.deepEqual(made, []);
  }
});

/** What the command printed before it failed. */
async function failure([program = '', ...parameters]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    await runCommand(program, parameters, { env: { ...process.env, ...env } });
  } catch (error) {
    if (error instanceof CommandFailed) return error.output;
    throw error;
  }
  throw new Error(`${parameters.join(' ')} did not fail`);
}

async function cgroupsOf(folder: string): Promise<string[]> {
  const place = '/sys/fs/cgroup';
  return (await readdir(place))
    .map((controller) => join(place, controller, basename(folder)))
    .filter((path) => existsSync(path));
}
