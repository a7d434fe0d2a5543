import { closeSync, openSync } from 'node:fs';
import { copyFile, open, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifThere } from '../src/if-there.ts';
import { makeFolderNow } from '../src/make-folder.ts';

const sizeBytesMax = 10 * 1024 * 1024;

/**
 * Opens the file that a process writes its console lines to, for the person at the terminal. The
 * process writes itself, so its lines survive the launcher; appending, so that the file can be cut
 * while it writes.
 */
export function openConsoleLog(path: string): { descriptor: number; close(): void } {
  makeFolderNow(dirname(path));
  const descriptor = openSync(path, 'a');
  return { descriptor, close: () => closeSync(descriptor) };
}

/**
 * Keeps a log that has grown beyond its limit as `<path>.1`, and starts an empty one. Lines written
 * in between are lost.
 */
export async function rotateConsoleLog(path: string, limitBytes = sizeBytesMax): Promise<boolean> {
  if ((await sizeOf(path)) <= limitBytes) return false;
  await copyFile(path, `${path}.1`);
  await truncate(path);
  return true;
}

/** The last lines of a log. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  const size = await sizeOf(path);
  if (size === 0) return [];
  const file = await open(path);
  try {
    const length = Math.min(size, Math.max(64 * 1024, count * 1024));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.slice(-count);
  } finally {
    await file.close();
  }
}

export async function sizeOf(path: string): Promise<number> {
  return (await ifThere(stat(path)))?.size ?? 0;
}
