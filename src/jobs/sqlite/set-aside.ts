import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { ifThereNow } from '../../if-there.ts';
import { makeFolderNow } from '../../make-folder.ts';
import { type DatabaseTerms, openMigrated } from '../../sqlite/open-sound.ts';
import { isOfSqlite } from '../../sqlite/sqlite-failures.ts';
import { jobOf } from './job-database.ts';

/** What was set aside, and what could be taken back. */
export type SetAside = {
  /** The folder where everything lies now. */
  readonly folder: string;
  readonly because: string;
  /** Jobs that are in the new database, with their uploads and results. */
  readonly saved: number;
  /** Folders of uploads or results that no saved job knows of: they lie aside. */
  readonly left: number;
};

/**
 * The folder that everything goes to at first; only when all is done has it its name, which says
 * since when.
 */
const inWork = 'jobs.setting-aside';
const namedLike = /^jobs\.damaged-\d+$/;
const becauseFile = 'because.txt';
const jobFolders = ['work', 'results'] as const;

/** Whether uploads or results lie beside the database: then it had jobs. */
export function leftByJobs(file: string): boolean {
  return jobFolders.some((name) => entriesOf(join(dirname(file), name)).length > 0);
}

/**
 * The names of the folders with what was once set aside: they are there until a person has dealt
 * with them.
 */
export async function foldersSetAside(serviceFolder: string): Promise<string[]> {
  return (await readdir(serviceFolder)).filter((name) => namedLike.test(name));
}

/**
 * Sets the database and the folders of its jobs aside, makes a new database of the readable rows,
 * and takes their files back. Nothing is deleted. It may be interrupted at any point:
 * `finishSettingAside` continues at the next start.
 */
export function setAside(terms: DatabaseTerms, because: unknown): SetAside {
  const folder = join(dirname(terms.file), inWork);
  makeFolderNow(folder);
  writeFileSync(join(folder, becauseFile), because instanceof Error ? because.message : String(because), {
    flush: true,
  });
  return goOn(terms);
}

/** Undefined where there is nothing to finish. */
export function finishSettingAside(terms: DatabaseTerms): SetAside | undefined {
  return existsSync(join(dirname(terms.file), inWork)) ? goOn(terms) : undefined;
}

function goOn(terms: DatabaseTerms): SetAside {
  const { file } = terms;
  const service = dirname(file);
  const folder = join(service, inWork);
  const aside = join(folder, 'jobs.sqlite');
  // The database goes last: as long as it is not there, something of the rest may be missing.
  if (!existsSync(aside)) {
    for (const name of jobFolders) moveAll(join(service, name), join(folder, name));
    if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${aside}-wal`);
    if (existsSync(file)) renameSync(file, aside);
  }
  let saved = 0;
  if (!existsSync(file)) {
    const fresh = `${file}.new`;
    for (const suffix of ['', '-wal', '-journal']) rmSync(`${fresh}${suffix}`, { force: true });
    // A start that was killed here may have put folders back already: they do not make the new file a
    // damaged one.
    const database = openMigrated({ ...terms, file: fresh, wasThere: () => false });
    let owners: Owner[];
    try {
      owners = existsSync(aside) ? saveRows(aside, database) : [];
    } finally {
      database.close();
    }
    saved = owners.length;
    for (const { id, name } of owners) takeBack(join(folder, name, id), join(service, name, id));
    renameSync(fresh, file);
  }
  const left = jobFolders.reduce((sum, name) => sum + entriesOf(join(folder, name)).length, 0);
  const final = join(service, `jobs.damaged-${Date.now()}`);
  renameSync(folder, final);
  return { folder: final, because: readBecause(final), saved, left };
}

/** A saved job, and in which folder lies what it needs. */
type Owner = { readonly id: string; readonly name: (typeof jobFolders)[number] };

/**
 * Copies what can be read. It reads a copy: to open a database is to change it, and this one may be
 * all that somebody has to repair it from.
 */
function saveRows(damaged: string, into: DatabaseSync): Owner[] {
  const copy = `${damaged}.copy`;
  const suffixes = ['', '-wal'].filter((suffix) => existsSync(`${damaged}${suffix}`));
  try {
    for (const suffix of suffixes) copyFileSync(`${damaged}${suffix}`, `${copy}${suffix}`);
    using from = new DatabaseSync(copy);
    from.exec('PRAGMA locking_mode = EXCLUSIVE');
    const owners: Owner[] = [];
    for (const row of readableRows(from)) {
      const owner = saveRow(row, into);
      if (owner) owners.push(owner);
    }
    return owners;
  } catch (error) {
    // What is no database at all has no rows.
    if (isOfSqlite(error)) return [];
    throw error;
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${copy}${suffix}`, { force: true });
  }
}

function saveRow(row: Record<string, unknown>, into: DatabaseSync): Owner | undefined {
  const known = new Set(
    into
      .prepare('PRAGMA table_info(job)')
      .all()
      .map(({ name }) => String(name)),
  );
  const columns = Object.keys(row).filter((name) => known.has(name));
  const values = columns.map((name) => row[name] as SQLInputValue);
  try {
    // A row that was damaged without SQLite seeing it ends here, at the latest.
    const inserted = into
      .prepare(
        `INSERT OR IGNORE INTO job (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) RETURNING *`,
      )
      .get(...values);
    if (!inserted) return undefined;
    const { id, state } = jobOf(inserted);
    return { id, name: state === 'waiting' || state === 'running' ? 'work' : 'results' };
  } catch {
    into.prepare('DELETE FROM job WHERE id = ?').run(String(row.id));
    return undefined;
  }
}

/**
 * Row by row, from the table itself: one damaged page costs the rows on it, and a damaged index
 * none.
 */
function* readableRows(from: DatabaseSync): Generator<Record<string, unknown>> {
  const behind = from.prepare('SELECT rowid AS at, * FROM job NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT 1');
  const one = from.prepare('SELECT rowid AS at, * FROM job NOT INDEXED WHERE rowid = ?');
  const last = lastRow(from);
  for (let at = 0; at < last; ) {
    let row: Record<string, unknown> | undefined;
    try {
      row = behind.get(at);
      if (!row) return;
    } catch {
      // The way from one row to the next is broken here; the way from the root to a row may not be.
      row = rowIfReadable(one, at + 1) ?? { at: at + 1 };
    }
    at = Number(row.at);
    if ('id' in row) yield row;
  }
}

function rowIfReadable(one: ReturnType<DatabaseSync['prepare']>, at: number): Record<string, unknown> | undefined {
  try {
    return one.get(at);
  } catch {
    return undefined;
  }
}

/** The highest row number, or how far it is worth asking where that cannot be read. */
function lastRow(from: DatabaseSync): number {
  try {
    return Number(from.prepare('SELECT max(rowid) AS last FROM job NOT INDEXED').get()?.last ?? 0);
  } catch (error) {
    if (!isOfSqlite(error)) throw error;
    return askedRowsMax;
  }
}

const askedRowsMax = 100_000;

/** Moves each entry on its own: a start that was killed may have moved some of them. */
function moveAll(from: string, to: string): void {
  makeFolderNow(to);
  for (const name of entriesOf(from)) renameSync(join(from, name), join(to, name));
}

function takeBack(from: string, to: string): void {
  if (!existsSync(from)) return;
  makeFolderNow(dirname(to));
  renameSync(from, to);
}

function readBecause(folder: string): string {
  return existsSync(join(folder, becauseFile)) ? readFileSync(join(folder, becauseFile), 'utf8') : 'it was damaged';
}

function entriesOf(folder: string): string[] {
  return ifThereNow(() => readdirSync(folder)) ?? [];
}
