import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

export type PortHolder = { pid: number; command: string };

/** Who listens on a port, where the system lets us see it: other users' processes stay hidden. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  return process.platform === 'linux' ? findOnLinux(port) : findWithLsof(port);
}

async function findOnLinux(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readIfThere(table)).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const listens = fields[3] === '0A';
      if (listens && Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    for (const link of await openFiles(pid)) {
      if (!inodes.has(link)) continue;
      const command = (await readIfThere(`/proc/${pid}/cmdline`)).split('\0').join(' ').trim();
      return { pid: Number(pid), command };
    }
  }
  return undefined;
}

async function openFiles(pid: string): Promise<string[]> {
  try {
    const entries = await readdir(`/proc/${pid}/fd`);
    return await Promise.all(entries.map((entry) => readlink(`/proc/${pid}/fd/${entry}`).catch(hidden)));
  } catch (error) {
    return [hidden(error)];
  }
}

async function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(hidden);
}

// A process may end while it is looked at, and another user's may not be looked at: both are seen
// as nothing.
function hidden(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return '';
  throw error;
}

async function findWithLsof(port: number): Promise<PortHolder | undefined> {
  try {
    const { stdout } = await promisify(execFile)('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
    const pid = Number(/^p(\d+)$/m.exec(stdout)?.[1]);
    return Number.isInteger(pid) ? { pid, command: /^c(.*)$/m.exec(stdout)?.[1] ?? '' } : undefined;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 1 || code === 'ENOENT') return undefined; // Nobody listens, or there is no lsof.
    throw error;
  }
}
