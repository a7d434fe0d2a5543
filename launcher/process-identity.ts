import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ifThereNow } from '../src/if-there.ts';

/** A process for certain: pids are used again, a pid together with its start time is not. */
export type ProcessIdentity = { pid: number; startedAt: string };

/**
 * The identity of a running process; undefined when there is none, or only a zombie that awaits its
 * parent.
 */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = process.platform === 'linux' ? startedAtOnLinux(pid) : await startedAtElsewhere(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export async function isRunning({ pid, startedAt }: ProcessIdentity): Promise<boolean> {
  return (await identify(pid))?.startedAt === startedAt;
}

/** Sends a signal to the process, or to its whole group; false when it was gone already. */
export async function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  { group = false }: { group?: boolean } = {},
): Promise<boolean> {
  if (!(await isRunning(identity))) return false;
  return sendSignal(group ? -identity.pid : identity.pid, signal);
}

/** process.kill that answers false where the process, or the group, no longer exists. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

// Field 22 of /proc/<pid>/stat counts clock ticks since the machine started. The command in field 2
// may hold spaces and brackets, so the fields are counted from the last closing one.
function startedAtOnLinux(pid: number): string | undefined {
  const stat = ifThereNow(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), ['ESRCH']);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

async function startedAtElsewhere(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const [state = '', ...started] = stdout.trim().split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) return undefined; // ps found no such process.
    throw error;
  }
}
