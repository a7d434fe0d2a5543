import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './temporary-folder.ts';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

export type Checkout = AsyncDisposable & { readonly folder: string };

/**
 * A checkout of a commit, with the packages of this one; the reason where a shallow clone has no
 * such commit.
 */
export async function checkoutOf(commit: string): Promise<Checkout | { unavailable: string }> {
  const has = await run('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`]).then(
    () => true,
    () => false,
  );
  if (!has) return { unavailable: `this clone has no commit ${commit}` };
  const scratch = await temporaryFolder();
  try {
    const folder = join(scratch.path, commit);
    await run('git', ['clone', '--quiet', '--shared', '--no-checkout', root, folder]);
    await run('git', ['-C', folder, 'checkout', '--quiet', '--detach', commit]);
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    return { folder, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}
