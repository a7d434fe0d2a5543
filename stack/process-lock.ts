import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

export type LockOwner = ProcessIdentity & { note?: string };

/**
 * Takes a lock between processes: a file that names its owner by pid and start time, so that a lock left by a process that was killed
 * is taken over instead of waited for. Answers the owner when someone else has it.
 */
export async function takeLock(
  path: string,
  note?: string,
): Promise<{ release(): Promise<void> } | { owner: LockOwner }> {
  await mkdir(dirname(path), { recursive: true });
  const self = await identify(process.pid);
  if (self === undefined) throw new Error(`No start time is known for the own process, ${process.pid}`);
  const claim = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  const text = JSON.stringify({ ...self, ...(note === undefined ? {} : { note }) });
  await writeFile(claim, text);
  try {
    for (;;) {
      // A hard link appears with its whole content or not at all, and never replaces what is there.
      if (await linked(claim, path)) return { release: () => rm(path, { force: true }) };
      const held = await readOwner(path);
      if (held === undefined) continue; // Released between the two calls.
      if (await isRunning(held.owner)) return { owner: held.owner };
      await removeStale(path, held.text, claim);
    }
  } finally {
    await rm(claim, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<{ owner: LockOwner; text: string } | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return { owner: JSON.parse(text) as LockOwner, text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

// Many may find the same stale lock; the slower ones must not remove the lock that the fastest took meanwhile. So only who holds the right
// to take over removes anything, after reading the lock once more: what it then finds stale, nobody else can replace.
async function removeStale(path: string, staleText: string, claim: string): Promise<void> {
  const right = `${path}.takeover`;
  if (!(await linked(claim, right))) {
    const held = await readOwner(right);
    // Its holder was killed within the instant that a takeover lasts.
    if (held !== undefined && !(await isRunning(held.owner))) await rm(right, { force: true });
    return pause(5);
  }
  try {
    if ((await readOwner(path))?.text === staleText) await rm(path, { force: true });
  } finally {
    await rm(right, { force: true });
  }
}
