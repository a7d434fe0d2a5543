import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifThereNow } from '../../../if-there.ts';

const folders = ['/lib', '/usr/lib', '/lib64', '/usr/lib64'];

/**
 * Whether the system's loader would find the library, without asking it: a machine without a GPU
 * should not pay for loading the means to ask. Looks where the loader looks: the path itself,
 * LD_LIBRARY_PATH, the loader's cache, its folders.
 */
export function findLibrary(library: string, env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  if (library.includes('/')) return existsSync(library);
  const given = (env.LD_LIBRARY_PATH ?? '').split(/[:;]/).filter((folder) => folder !== '');
  return [...given, ...folders].some((folder) => existsSync(join(folder, library))) || isInLoaderCache(library);
}

function isInLoaderCache(library: string): boolean {
  // The names stand in it as they are, each ended by a zero byte.
  return ifThereNow(() => readFileSync('/etc/ld.so.cache'))?.includes(`${library}\0`) ?? false;
}
