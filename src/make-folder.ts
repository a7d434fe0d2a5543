import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder with its parents. Node's `recursive` answers ENOENT instead of what a failing disk
 * answered, and ENOENT ends for good what could be tried again.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (!lacksParent(error, path)) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

/** The same at once; `mode` holds for each folder that it makes. */
export function makeFolderNow(path: string, mode?: number): void {
  try {
    makeOneNow(path, mode);
  } catch (error) {
    if (!lacksParent(error, path)) throw error;
    makeFolderNow(dirname(path), mode);
    makeOneNow(path, mode);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!exists(error) || !(await stat(path)).isDirectory()) throw error;
  }
}

function makeOneNow(path: string, mode: number | undefined): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!exists(error) || !statSync(path).isDirectory()) throw error;
  }
}

function lacksParent(error: unknown, path: string): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
}

function exists(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}
