import type { DatabaseSync } from 'node:sqlite';
import { isOfSqlite } from './sqlite-failures.ts';

/** All or nothing. */
export function inTransaction<T>(database: DatabaseSync, act: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const answer = act();
    database.exec('COMMIT');
    return answer;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/**
 * A rollback that fails does so by the same disk: what was begun is gone with the next BEGIN, which
 * fails until it is.
 */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec('ROLLBACK');
  } catch (error) {
    if (!isOfSqlite(error)) throw error;
  }
}
