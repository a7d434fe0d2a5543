import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { ifThere } from '../../src/if-there.ts';

const run = promisify(execFile);

/** What containers could leave on a machine, each as lines that can be compared. */
export async function machineTraces(): Promise<Set<string>> {
  const said = async (program: string, ...parameters: string[]) =>
    (await run(program, parameters, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } })).stdout;
  const lines = async (what: string, text: Promise<string>) =>
    (await text)
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => `${what}: ${line.replace(/\[\d+:\d+\]/, '').replace(/ (valid|preferred)_lft \S+/g, '')}`);
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return new Set([
    ...(await lines('address', said('ip', '-o', 'address'))),
    ...(await lines('route', said('ip', 'route'))),
    ...(await lines('network namespace', said('ip', 'netns'))),
    ...(await lines('firewall', said('iptables-save'))),
    ...(await lines('firewall', said('ip6tables-save'))),
    ...mounts
      .filter((line) => /vitrine-(engine|ground|cluster)|overlay|nsfs/.test(line))
      .map((line) => `mount: ${line}`),
    ...(await cgroups()).map((path) => `cgroup: ${path}`),
    ...((await ifThere(readdir('/run/containerd/s'))) ?? []).map((name) => `socket: ${name}`),
  ]);
}

/** Whether others have containers or a cluster on this machine: their traces come and go. */
export async function othersRun(): Promise<boolean> {
  for (const pid of await processIds()) {
    const [program = ''] = (await readProcess(pid, 'cmdline')) ?? [];
    if (/^(dockerd|containerd|kubelet)$/.test(basename(program))) return true;
  }
  return false;
}

/** Processes that carry the mark of a run in their environment. */
export async function markedProcesses(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await processIds()) {
    if ((await readProcess(pid, 'environ'))?.includes(mark) !== true) continue;
    const command = (await readProcess(pid, 'cmdline')) ?? [];
    found.push(`process: ${pid} ${command.join(' ').slice(0, 120)}`);
  }
  return found;
}

async function processIds(): Promise<string[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
}

async function readProcess(pid: string, file: 'environ' | 'cmdline'): Promise<string[] | undefined> {
  return (await ifThere(readFile(`/proc/${pid}/${file}`, 'utf8'), ['ESRCH', 'EACCES', 'EPERM']))?.split('\0');
}

async function cgroups(): Promise<string[]> {
  const root = '/sys/fs/cgroup';
  const controllers = (await ifThere(readdir(root))) ?? [];
  const folders = await Promise.all(
    ['.', ...controllers].map(async (name) =>
      ((await ifThere(readdir(`${root}/${name}`), ['ENOTDIR'])) ?? [])
        .filter((entry) => /^(vitrine|docker|kubepods)/.test(entry))
        .map((entry) => `${name}/${entry}`),
    ),
  );
  return folders.flat();
}
