import { closeSync, existsSync, fsyncSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import { damaged, isDamaged } from './sqlite-failures.ts';

export type DatabaseTerms = {
  readonly file: string;
  /** FULL: what was committed survives a power cut. NORMAL: it survives the process. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** The schema, step by step: a file of version n has had the first n. */
  readonly migrations: readonly string[];
  /** Whether there must have been a database here: then an empty file is a damaged one. */
  readonly wasThere?: () => boolean;
  /** What a person does with a file of a newer version, which this one must not touch. */
  readonly remedyForNewer: string;
};

/**
 * Opens a sound database, or makes one. A read that fails for a moment looks like damage to
 * SQLite's check. So the whole file is read first, which fails where the disk does. Then a second
 * opening and check decide.
 */
export function openSound(terms: DatabaseTerms): DatabaseSync {
  try {
    return openMigrated(terms);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    for (const part of [terms.file, `${terms.file}-wal`]) if (existsSync(part)) readThrough(part);
    return openMigrated(terms);
  }
}

/** As `openSound`, with one look. */
export function openMigrated(terms: DatabaseTerms): DatabaseSync {
  const { file, synchronous, wasThere } = terms;
  const database = new DatabaseSync(file);
  try {
    // Exclusive: two processes on one file would each know half.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${synchronous};
      PRAGMA trusted_schema = OFF;
    `);
    const [check] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (check !== 'ok') throw damaged(String(check));
    if (versionOf(database) === 0 && wasThere?.())
      throw damaged('it is empty or gone, while what belongs to it is there');
    migrate(database, terms);
    syncFolder(dirname(file));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function unusable(file: string, because: string, cause?: unknown): ServiceError {
  return new ServiceError('invalid_setting', say`Cannot open ${ours(file)}: ${ours(because)}.`, { cause });
}

function migrate(database: DatabaseSync, { file, migrations, remedyForNewer }: DatabaseTerms): void {
  const found = versionOf(database);
  if (found > migrations.length)
    throw unusable(
      file,
      `a newer Vitrine wrote it (its schema is ${found}, and this one knows ${migrations.length}); ${remedyForNewer}`,
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

function readThrough(path: string): void {
  const handle = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    while (readSync(handle, buffer) > 0);
  } finally {
    closeSync(handle);
  }
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
