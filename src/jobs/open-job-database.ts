import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '../errors.ts';
import { jobMigrations } from './job-migrations.ts';

export type OpenedDatabase = {
  readonly database: DatabaseSync;
  /** Where a damaged file of before was put; its jobs are lost to the service, not to whoever repairs it. */
  readonly setAside: string | undefined;
};

/**
 * Opens the database, brings an older file up to date, and refuses one that a newer Vitrine wrote. A file that is damaged is set aside: the service
 * must come up again by itself.
 */
export function openJobDatabase(file: string, migrations: readonly string[] = jobMigrations): OpenedDatabase {
  try {
    mkdirSync(dirname(file), { recursive: true });
    return { database: openMigrated(file, migrations), setAside: undefined };
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    const code = resultCode(error);
    if (busyCodes.includes(code))
      throw unusable(
        file,
        'another service has it open; stop that one, or give this one a VITRINE_DATA of its own',
        error,
      );
    if (!damagedCodes.includes(code))
      throw unusable(
        file,
        `${error instanceof Error ? error.message : String(error)}; see that the folder of VITRINE_DATA can be written and its disk is not full`,
        error,
      );
    const aside = `${file}.damaged-${Date.now()}`;
    for (const suffix of ['', '-wal'])
      if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${aside}${suffix}`);
    return { database: openMigrated(file, migrations), setAside: aside };
  }
}

function openMigrated(file: string, migrations: readonly string[]): DatabaseSync {
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
    if (check !== 'ok') throw Object.assign(new Error(String(check)), { errcode: 11 });
    migrate(database, file, migrations);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, file: string, migrations: readonly string[]): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (found > migrations.length)
    throw unusable(
      file,
      `a newer Vitrine wrote it (its schema is ${found}, and this one knows ${migrations.length}); start that version, or move the file away, which loses the jobs in it`,
    );
  for (const [at, step] of migrations.entries()) {
    if (at < found) continue;
    // All of a step or nothing: a start that is killed in between finds the version before.
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${at + 1}; COMMIT;`);
  }
}

function unusable(file: string, because: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_setting', `Cannot open ${file}: ${because}.`, { cause });
}

// SQLite's primary result codes.
const busyCodes = [5, 6];
const damagedCodes = [11, 26];
const notWrittenCodes = [8, 10, 13];

/** A disk that is full, failing or read-only: nothing was kept, and trying again later may help. */
export function isNotWritten(error: unknown): boolean {
  return notWrittenCodes.includes(resultCode(error));
}

export function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
