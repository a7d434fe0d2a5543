import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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

// Two processes may find the same stale lock; the slower one must not remove the lock that the faster one took meanwhile.
// So it is moved aside first, and put back when it turns out to be another.
async function removeStale(path: string, staleText: string, claim: string): Promise<void> {
  const aside = `${claim}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== staleText) await linked(aside, path);
  await rm(aside, { force: true });
}
