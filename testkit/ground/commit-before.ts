import { join } from 'node:path';
import { ensureImages, type ImagesOptions } from '../../launcher/ground/build-images.ts';
import type { WrittenImage } from '../../launcher/ground/image-archive.ts';
import { letThrough } from '../../launcher/ground/image-content.ts';
import { CommandFailed, runCommand } from '../../launcher/run-command.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { root } from '../suite/plan-suite.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export type CommitBefore = AsyncDisposable & {
  readonly folder: string;
  readonly images: readonly WrittenImage[];
};

/**
 * A checkout of the commit before the one that last changed what compose.yaml runs, and its images;
 * the reason where a shallow clone has no such commit.
 */
export async function commitBefore(options: ImagesOptions): Promise<CommitBefore | { unavailable: string }> {
  const paths = ['Dockerfile', 'compose.yaml', 'compose', 'otel-collector', ...(await letThrough(root))];
  const git = (...parameters: string[]) => runCommand('git', ['-C', root, ...parameters]);
  const last = (await git('log', '-1', '--format=%H', '--', ...paths)).trim();
  const commit = await git('rev-parse', '--verify', '--quiet', `${last}^`).catch((error: unknown) => {
    if (error instanceof CommandFailed) return undefined;
    throw error;
  });
  if (commit === undefined) return { unavailable: 'this clone has no commit before the last one' };
  const scratch = await temporaryFolder();
  try {
    const folder = join(scratch.path, 'before');
    await makeFolder(folder);
    await runCommand('git', ['clone', '--quiet', '--shared', '--no-checkout', root, folder]);
    await runCommand('git', ['-C', folder, 'checkout', '--quiet', '--detach', commit.trim()]);
    const { images } = await ensureImages({ ...options, root: folder });
    return { folder, images, [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose]() };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}
