import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

/** Follows whom a process and its children talk to, by a library that is loaded into them. */
export type Watch = AsyncDisposable & {
  /** For the environment of the process. */
  env: { LD_PRELOAD: string };
  contacts(): Promise<Contact[]>;
};

export type Contact = { pid: number; by: string; whom: string };

export async function watchConnections(): Promise<Watch | { unavailable: string }> {
  if (process.platform !== 'linux') return { unavailable: 'LD_PRELOAD is of Linux' };
  const folder = await temporaryFolder();
  const library = join(folder.path, 'watch.so');
  try {
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'watch.c'), '-ldl']);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { unavailable: 'there is no C compiler (cc) here' };
    throw error;
  }
  return {
    env: { LD_PRELOAD: library },
    async contacts() {
      const text = await readFile(`${library}.log`, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''; // Nobody has been talked to.
        throw error;
      });
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [pid = '', by = '', ...whom] = line.split(' ');
          return { pid: Number(pid), by, whom: whom.join(' ') };
        });
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}
