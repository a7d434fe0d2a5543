import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '../errors.ts';
import { diskFailureOf } from '../resilience/disk-failure.ts';
import { ours, say } from '../sentence.ts';
import { jobMigrations } from './job-migrations.ts';
import { finishSettingAside, leftByJobs, type SetAside, setAside } from './set-aside.ts';

export type OpenedDatabase = {
  readonly database: DatabaseSync;
  /** What was put aside at this start, since the file was damaged or gone. */
  readonly setAside: SetAside | undefined;
};

/**
 * Opens the database, brings an older file up to date, and refuses one that a newer Vitrine wrote. A file that is damaged, or gone while the folders of
 * its jobs are there, is set aside with them: the service must come up again by itself, and nobody but a person may give up what was accepted.
 */
export function openJobDatabase(file: string, migrations: readonly string[] = jobMigrations): OpenedDatabase {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const open = () => openSound(file, migrations);
    // A start before this one may have been killed while it did it.
    const interrupted = finishSettingAside(file, migrations, openMigrated);
    if (interrupted) return { database: open(), setAside: interrupted };
    try {
      return { database: open(), setAside: undefined };
    } catch (error) {
      if (!isDamaged(error)) throw error;
      const aside = setAside(file, error, migrations, openMigrated);
      return { database: open(), setAside: aside };
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (busyCodes.includes(resultCode(error)))
      throw unusable(
        file,
        'another service has it open; stop that one, or give this one a VITRINE_DATA of its own',
        error,
      );
    throw unusable(
      file,
      `${error instanceof Error ? error.message : String(error)}; see that the folder of VITRINE_DATA can be written and its disk is not full`,
      error,
    );
  }
}

/**
 * As `openMigrated`, and sure of it when it finds the file damaged: a read that fails for a moment looks the same to SQLite's check. So all of it is
 * read, which fails where the disk does, and then opened and looked through once more, which decides.
 */
export function openSound(file: string, migrations: readonly string[] = jobMigrations): DatabaseSync {
  try {
    return openMigrated(file, migrations);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    for (const part of [file, `${file}-wal`]) if (existsSync(part)) readThrough(part);
    return openMigrated(file, migrations);
  }
}

function readThrough(path: string): void {
  const handle = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    while (readSync(handle, buffer) > 0);
  } finally {
    closeSync(handle);
  }
}

/** Opens one that is sound, or makes it. */
export function openMigrated(file: string, migrations: readonly string[] = jobMigrations): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // Exclusive: two services on one queue would do everything twice. FULL: a job that was accepted survives a power cut too; a commit is one
    // fsync on the store's own thread, and jobs come a few a second at most.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA trusted_schema = OFF;
    `);
    const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (check !== 'ok') throw damaged(String(check));
    // An empty file is a new one only where there never were jobs.
    if (versionOf(database) === 0 && leftByJobs(file))
      throw damaged('it is empty or gone, while the folders of its jobs are there');
    migrate(database, file, migrations);
    syncFolder(dirname(file));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, file: string, migrations: readonly string[]): void {
  const found = versionOf(database);
  if (found > migrations.length)
    throw unusable(
      file,
      `a newer Vitrine wrote it (its schema is ${found}, and this one knows ${migrations.length}); start that version, or move the file away with the folders work and results beside it, which loses the jobs in it`,
    );
  for (const [at, step] of migrations.entries()) {
    if (at < found) continue;
    // All of a step or nothing: a start that is killed in between finds the version before.
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${at + 1}; COMMIT;`);
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version);
}

/** What was made in a folder is on the disk then. */
function syncFolder(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function unusable(file: string, because: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_setting', say`Cannot open ${ours(file)}: ${ours(because)}.`, { cause });
}

// SQLite's primary result codes.
const busyCodes = [5, 6];
const damagedCodes = [11, 26];

function damaged(how: string): Error {
  return Object.assign(new Error(how), { errcode: damagedCodes[0] });
}

/** The file holds what is no database, or no longer. */
export function isDamaged(error: unknown): boolean {
  return damagedCodes.includes(resultCode(error));
}

/** A disk that is full, failing or read-only: nothing was kept, and trying again later may help. */
export function isNotWritten(error: unknown): boolean {
  return diskFailureOf(error) !== undefined;
}

function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
