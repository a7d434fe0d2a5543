import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder, makeFolderNow } from '../../src/make-folder.ts';
import { identify, isRunning, type ProcessIdentity, sendSignal } from '../process-identity.ts';
import { runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';

const bornMsMax = 10_000;

/** Sixteen times the share of a program, by the two versions of cgroups. */
const shares: Readonly<Record<string, string>> = { 'cpu.shares': '16384', 'cpu.weight': '1600' };

/** The folders that programs of a node insist on; each is covered by one of the node's own. */
const coveredFolders = ['/var/lib/kubelet', '/var/lib/cni'];

/**
 * Namespaces of processes, mounts and network for one node, and in them `run-node.ts`. All that it
 * starts, mounts and routes ends with the process that is answered.
 */
export async function startNode(folder: string, { endsWithCaller = false } = {}): Promise<ProcessIdentity> {
  for (const path of [folder, ...coveredFolders]) makeFolderNow(path);
  const log = openSync(join(folder, 'node.log'), 'a');
  // The shell is the first process of its namespace: it collects what its children leave behind.
  const script = `"$0" "$@"; exit $?`;
  const child = spawn(
    'setpriv',
    [
      ...(endsWithCaller ? ['--pdeathsig', 'KILL'] : []),
      ...[
        'unshare',
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--kill-child=KILL',
        '--mount-proc',
        '--propagation',
        'slave',
      ],
      ...['sh', '-c', script, process.execPath, join(import.meta.dirname, 'run-node.ts'), folder],
    ],
    { detached: true, stdio: ['ignore', log, log], cwd: '/' },
  );
  closeSync(log);
  child.unref();
  const identity = child.pid === undefined ? undefined : await identify(child.pid);
  if (identity === undefined)
    throw new StackFailure(
      'Cannot make the namespaces of a node: it ended at once; run as root, with the rights to mount and to make namespaces.',
    );
  return identity;
}

/** The first process inside the namespaces, by its number outside. */
export async function insideOf({ pid }: ProcessIdentity): Promise<number> {
  const endsAt = performance.now() + bornMsMax;
  while (performance.now() < endsAt) {
    const children = await ifThere(readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    const [first] = children?.trim().split(' ') ?? [];
    if (first) return Number(first);
    await pause(20);
  }
  throw new StackFailure(
    'Cannot make the namespaces of a node: they did not come into being within 10 s; run as root, with the rights to mount and to make namespaces.',
  );
}

/** Everything in its namespaces ends with it. */
export async function endNode(identity: ProcessIdentity): Promise<boolean> {
  if (!(await isRunning(identity))) return false;
  const inside = await ifThere(readFile(`/proc/${identity.pid}/task/${identity.pid}/children`, 'utf8'));
  // The first of a namespace takes all others along; unshare, its parent, ends after them.
  for (const pid of inside?.trim().split(' ').filter(Boolean) ?? []) sendSignal(Number(pid), 'SIGKILL');
  while (await isRunning(identity)) await pause(50);
  return true;
}

/** Runs a command in the network of a node. */
export async function inNetwork(identity: ProcessIdentity, command: readonly string[]): Promise<string> {
  return runCommand('nsenter', [`--target=${await insideOf(identity)}`, '--net', ...command]);
}

/** Removes the folders that `startNode` made and nobody else uses. */
export async function removeCovered(): Promise<void> {
  for (const path of coveredFolders) await rmdir(path).catch(() => undefined);
}

/**
 * The cgroup in each hierarchy of this machine, as kubelet wants to find it. All pods together are
 * one entry to the scheduler: with the usual share they would get less than one busy program.
 */
export async function makeCgroup(name: string): Promise<void> {
  for (const place of await hierarchies()) {
    const cgroup = join(place, name);
    await makeFolder(cgroup);
    const share = Object.entries(shares).find(([file]) => existsSync(join(cgroup, file)));
    if (share !== undefined) await writeFile(join(cgroup, share[0]), share[1]);
  }
}

export async function removeCgroup(name: string): Promise<void> {
  for (const place of await hierarchies()) await removeTree(join(place, name));
}

async function hierarchies(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  return mounts.filter(([, , type]) => type === 'cgroup' || type === 'cgroup2').map(([, place]) => place!);
}

/** The kernel frees the place of the last process a moment after its end. */
async function removeTree(path: string): Promise<void> {
  const entries = await ifThere(readdir(path, { withFileTypes: true }));
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  for (let tries = 0; tries < 100; tries++) {
    try {
      return await rmdir(path);
    } catch {
      await pause(100);
    }
  }
  throw new StackFailure(`Cannot remove the cgroup ${path}: a process is still in it; end it, then remove the folder.`);
}
