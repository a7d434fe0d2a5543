import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

/**
 * A file system of so many bytes, mounted for the test; undefined with the reason where the machine
 * does not let us mount.
 */
export async function smallFileSystem(
  bytes: number,
): Promise<({ path: string } & AsyncDisposable) | { unavailable: string }> {
  const folder = await temporaryFolder();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'vitrine-test', folder.path]);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    return {
      unavailable: `cannot mount a small file system: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['-l', folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
