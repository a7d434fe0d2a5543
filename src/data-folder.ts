import { chmodSync, closeSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from './errors.ts';
import { makeFolderNow } from './make-folder.ts';
import { SteadyClock } from './steady-clock.ts';

/** The part of VITRINE_DATA that one process works in: nobody else does as long as it is open. */
export type DataFolder = AsyncDisposable & {
  readonly path: string;
  readonly clock: SteadyClock;
};

/**
 * Opens a process's part of VITRINE_DATA, before anything in it changes. Its files are for their
 * owner alone, older ones too. A second process is refused and has changed nothing.
 */
export function openDataFolder(of: {
  data: string;
  part: string;
  who: string;
  /** For one whose predecessor may still be ending. */
  waitMs?: number;
}): DataFolder {
  const { data, part, who, waitMs = 0 } = of;
  const path = join(data, part);
  process.umask(0o077);
  makeForOwnerAlone(path);
  const lock = takeLock(path, who, waitMs);
  const clock = SteadyClock.open(path);
  return {
    path,
    clock,
    [Symbol.asyncDispose]: async () => {
      await clock[Symbol.asyncDispose]();
      held.delete(lock);
      lock.close();
    },
  };
}

/** Makes a folder that is nobody else's to look into. */
export function makeForOwnerAlone(folder: string): void {
  try {
    makeFolderNow(folder, 0o700);
    // The files that a Vitrine before this one left there may be open to all; behind a closed folder
    // they are not.
    if (statSync(folder).uid === process.getuid?.()) chmodSync(folder, 0o700);
    // What will be accepted lies in it: its own name has to outlive a power cut too.
    syncFolderIfOurs(dirname(folder));
  } catch (cause) {
    throw unusable(folder, messageOf(cause), cause);
  }
}

/** Of a folder that we may not read somebody else has to take care. */
function syncFolderIfOurs(path: string): void {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw error;
  }
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

// As long as the lock is to be held somebody has to hold the object: SQLite closes what is
// collected.
const held = new Set<DatabaseSync>();

/**
 * A lock of the operating system, by way of SQLite, on an empty file. It ends with the process in
 * any case, needs no pid that another process could get, and holds between containers that share a
 * volume.
 */
function takeLock(folder: string, who: string, waitMs: number): DatabaseSync {
  const file = join(folder, 'lock');
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { timeout: waitMs });
    // Nothing is ever written to it, so it needs no journal.
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    held.add(lock);
    return lock;
  } catch (cause) {
    lock?.close();
    if (cause instanceof Error && 'errcode' in cause && busyCodes.includes(Number(cause.errcode) & 0xff))
      throw unusable(
        folder,
        `another ${who} works in it; stop that one, or give this one a VITRINE_DATA of its own`,
        cause,
      );
    throw unusable(folder, messageOf(cause), cause);
  }
}

// SQLite's primary result codes BUSY and LOCKED.
const busyCodes = [5, 6];

function unusable(folder: string, because: string, cause: unknown): ServiceError {
  const remedy = because.includes('VITRINE_DATA')
    ? ''
    : '; see that the folder of VITRINE_DATA can be written and its disk is not full';
  return new ServiceError('invalid_setting', `Cannot work in ${folder}: ${because}${remedy}.`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
