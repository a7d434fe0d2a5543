import { existsSync } from 'node:fs';
import { chmod, cp, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../src/make-folder.ts';
import { CommandFailed, runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';
import { type WrittenImage, writeImage } from './image-archive.ts';

/** Settled, so that a base of the same packages is the same image. */
const baseSeconds = 1_767_225_600;

/**
 * Debian with Node and npm under the name of Node's official image, for builds where no registry
 * answers: debootstrap from Debian's mirror, Node from its npm package.
 */
export async function buildBaseImage(name: string, file: string, { root, signal }: BaseOptions): Promise<WrittenImage> {
  const folder = `${file}.root`;
  await rm(folder, { recursive: true, force: true });
  await makeFolder(dirname(folder));
  try {
    await debootstrap(folder, signal);
    await addNode(folder, root);
    await settle(folder);
    return await writeImage(
      {
        name,
        layers: [{ folder, except: ['dev/*'], seconds: baseSeconds }],
        config: {
          Env: [
            'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            // The machine's own authorities: a registry inside a company may need them.
            'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
          ],
          Cmd: ['node'],
        },
        createdSeconds: baseSeconds,
      },
      file,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type BaseOptions = { readonly root: string; readonly signal?: AbortSignal | undefined };

async function debootstrap(folder: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await runCommand('debootstrap', ['--variant=minbase', '--include=tini', 'bookworm', folder], { signal });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new StackFailure(
      `Cannot make the base image: debootstrap failed (${error.output.trim().split('\n').at(-1)}); see that Debian's mirror, deb.debian.org, can be reached, or name a registry that has node images.`,
      { cause: error },
    );
  }
}

async function addNode(folder: string, root: string): Promise<void> {
  const local = join(folder, 'usr/local');
  await cp(await realpath(process.execPath), join(local, 'bin/node'));
  await chmod(join(local, 'bin/node'), 0o755);
  await cp(await findNpm(root), join(local, 'lib/node_modules/npm'), { recursive: true, dereference: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  await makeFolder(join(folder, 'etc/ssl/certs'));
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  if (existsSync(authorities)) await cp(authorities, join(folder, authorities), { dereference: true });
}

/** The npm that this machine installs packages with: Node's npm package brings none. */
async function findNpm(root: string): Promise<string> {
  const folder = join((await runCommand('npm', ['root', '-g'], { folder: root })).trim(), 'npm');
  if (existsSync(join(folder, 'bin/npm-cli.js'))) return folder;
  throw new StackFailure(`Cannot make the base image: there is no npm in ${folder}; install Node with npm.`);
}

/** What each installation writes in another way, and what no build reads. */
async function settle(folder: string): Promise<void> {
  for (const path of [
    'var/cache/apt',
    'var/cache/ldconfig',
    'var/lib/apt/lists',
    'var/log',
    'etc/machine-id',
    'etc/resolv.conf',
    'etc/hostname',
    'usr/share/doc',
    'usr/share/locale',
    'usr/share/man',
  ])
    await rm(join(folder, path), { recursive: true, force: true });
  for (const path of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial', 'var/log'])
    await makeFolder(join(folder, path));
}
