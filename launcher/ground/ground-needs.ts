import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** What containers of our own need of a machine, and the Debian package that has each program. */
const programs = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  debootstrap: 'debootstrap',
  busybox: 'busybox-static',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  ip: 'iproute2',
  tar: 'tar',
} as const;

export type GroundProgram = keyof typeof programs;

export type Machine = {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  readonly path: string;
  readonly fileSystems: string;
  readonly cgroups: string;
  readonly memoryBytes: number;
  readonly freeBytes: number;
};

/** Images, then containers of the whole stack, in bytes. */
const memoryBytesMin = 4e9;
const diskBytesMin = 8e9;

/**
 * What keeps this machine from running containers, each a sentence with its remedy; none where it
 * can.
 */
export async function groundNeeds(
  folder: string,
  wanted: readonly GroundProgram[] = Object.keys(programs) as GroundProgram[],
  machine?: Machine,
): Promise<string[]> {
  const { platform, isRoot, path, fileSystems, cgroups, memoryBytes, freeBytes } =
    machine ?? (await thisMachine(folder));
  if (platform !== 'linux')
    return [`Cannot run containers: this is ${platform}, and they need Linux; run it on Linux, or in a machine of it.`];
  if (!isRoot) return ['Cannot run containers: you are not root; run it as root, for example with sudo.'];
  const needs: string[] = [];
  const missing = wanted.filter((program) => !isOnPath(program, path));
  const packages = [...new Set(missing.map((program) => programs[program]))];
  if (missing.length > 0)
    needs.push(
      `Cannot run containers: ${missing.join(', ')} cannot be found; install with apt-get install ${packages.join(' ')}.`,
    );
  if (!/\boverlay$/m.test(fileSystems))
    needs.push(
      'Cannot run containers: the kernel has no overlay file system; load it with modprobe overlay, or choose another kernel.',
    );
  if (!/\s(memory|cgroup2)$/m.test(cgroups))
    needs.push(
      'Cannot run containers: no cgroups are mounted under /sys/fs/cgroup; mount them, or start the outer container with --privileged.',
    );
  if (memoryBytes < memoryBytesMin)
    needs.push(
      `Cannot run containers: ${gigabytes(memoryBytes)} of memory is free, and the stack needs ${gigabytes(memoryBytesMin)}; end other programs, or take a larger machine.`,
    );
  if (freeBytes < diskBytesMin)
    needs.push(
      `Cannot build images: ${gigabytes(freeBytes)} is free in ${folder}, and they need ${gigabytes(diskBytesMin)}; free some, or name another folder in VITRINE_CACHE.`,
    );
  return needs;
}

async function thisMachine(folder: string): Promise<Machine> {
  const { bavail, bsize } = await statfs(folder);
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    path: process.env.PATH ?? '',
    fileSystems: read('/proc/filesystems'),
    cgroups: read('/proc/self/mounts')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
      .flatMap(([, place = '', type = '']) => [` ${place.split('/').at(-1)}`, ` ${type}`])
      .join('\n'),
    memoryBytes: process.availableMemory(),
    freeBytes: bavail * bsize,
  };
}

function isOnPath(program: string, path: string): boolean {
  // Debian keeps servers in sbin, which is not on everyone's PATH.
  return `${path}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
