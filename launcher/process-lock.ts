import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThere } from '../src/if-there.ts';
import { makeFolder } from '../src/make-folder.ts';
import { patiently } from './patiently.ts';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

export type LockOwner = ProcessIdentity & { note?: string };

/**
 * Takes a lock between processes: a file that names its owner by pid and start time. So a lock of a
 * killed process is taken over. Answers the owner when someone else has it.
 */
export async function takeLock(
  path: string,
  note?: string,
): Promise<{ release(): Promise<void> } | { owner: LockOwner }> {
  await patiently(() => makeFolder(dirname(path)));
  const self = await patiently(() => identify(process.pid));
  if (self === undefined) throw new Error(`No start time is known for the own process, ${process.pid}`);
  const claim = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  const text = JSON.stringify({ ...self, ...(note === undefined ? {} : { note }) });
  try {
    await patiently(() => writeFile(claim, text));
    for (;;) {
      // A hard link appears with its whole content or not at all, and never replaces what is there.
      if (await linked(claim, path)) return { release: () => patiently(() => rm(path, { force: true })) };
      const held = await readOwner(path);
      if (held === undefined) continue; // Released between the two calls.
      if (held.owner !== undefined && (await isRunning(held.owner))) return { owner: held.owner };
      await removeStale(path, held.text, claim);
    }
  } finally {
    // One that stays is in nobody's way: its name is never used again.
    await patiently(() => rm(claim, { force: true })).catch(() => undefined);
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await patiently(() => link(from, to));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Without an owner when a power cut left it without its content: its writer is gone too. */
async function readOwner(path: string): Promise<{ owner: LockOwner | undefined; text: string } | undefined> {
  const text = await ifThere(patiently(() => readFile(path, 'utf8')));
  if (text === undefined) return undefined;
  try {
    return { owner: JSON.parse(text) as LockOwner, text };
  } catch {
    return { owner: undefined, text };
  }
}

// Many may find the same stale lock; the slower ones must not remove the lock that the fastest took
// meanwhile. So only who holds the right to take over removes anything, after reading the lock once
// more: what it then finds stale, nobody else can replace.
async function removeStale(path: string, staleText: string, claim: string): Promise<void> {
  const right = `${path}.takeover`;
  if (!(await linked(claim, right))) {
    const held = await readOwner(right);
    // Its holder was killed within the instant that a takeover lasts.
    if (held !== undefined && !(held.owner && (await isRunning(held.owner))))
      await patiently(() => rm(right, { force: true }));
    return pause(5);
  }
  try {
    if ((await readOwner(path))?.text === staleText) await patiently(() => rm(path, { force: true }));
  } finally {
    await patiently(() => rm(right, { force: true }));
  }
}
