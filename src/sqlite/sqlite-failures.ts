// What a failure of SQLite means, by its primary result code.

const busyCodes = [5, 6];
const damagedCodes = [11, 26];

/** Another process has the file open. */
export function isBusy(error: unknown): boolean {
  return busyCodes.includes(resultCode(error));
}

/** The file holds what is no database, or no longer. */
export function isDamaged(error: unknown): boolean {
  return damagedCodes.includes(resultCode(error));
}

/** Whether SQLite threw it. */
export function isOfSqlite(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error;
}

/** A failure that `isDamaged` finds, for what SQLite itself does not check. */
export function damaged(how: string): Error {
  return Object.assign(new Error(how), { errcode: damagedCodes[0] });
}

function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
