import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { isBusy } from './sqlite-failures.ts';

const askEveryMs = 50;

/**
 * Runs `act` while nobody else has the lock of this file, in this process or another. The lock is
 * the operating system's, by way of SQLite: it ends with the process. `waited`: others had it.
 */
export async function withFileLock<T>(
  file: string,
  signal: AbortSignal,
  act: (waited: boolean) => Promise<T>,
): Promise<T> {
  for (let waited = false; ; waited = true) {
    signal.throwIfAborted();
    using lock = tryToLock(file);
    if (lock) return await act(waited);
    await pause(askEveryMs, undefined, { signal });
  }
}

/** Undefined where somebody else has it. */
function tryToLock(file: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written to it, so it needs no journal.
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}
