import { existsSync } from 'node:fs';
import { readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { StackFailure } from '../stack-failure.ts';

/** As many as compose.yaml starts, and a few for builds. */
const containersMax = 16;
const root = '/sys/fs/cgroup';

/**
 * All containers together are one entry to the scheduler: with the usual share they would get less
 * than a single busy program beside them.
 */
export async function makeEngineCgroup(name: string): Promise<void> {
  const v1 = join(root, 'cpu');
  const place = existsSync(join(v1, 'cpu.shares')) ? v1 : root;
  await makeFolder(join(place, name));
  const [file, share] = place === v1 ? ['cpu.shares', 1024 * containersMax] : ['cpu.weight', 100 * containersMax];
  // Without the controller there are no shares to give.
  await writeFile(join(place, name, file), String(share)).catch(() => undefined);
}

/** A process that was killed leaves its cgroup, which is empty then. */
export async function removeEngineCgroups(name: string): Promise<void> {
  const controllers = (await ifThere(readdir(root))) ?? [];
  for (const place of [root, ...controllers.map((controller) => join(root, controller))])
    await removeCgroup(join(place, name));
}

async function removeCgroup(path: string): Promise<void> {
  const entries = await ifThere(readdir(path, { withFileTypes: true }), ['ENOTDIR']);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  for (let tries = 0; tries < 50; tries++) {
    // The kernel frees the place of the last process a moment after its end.
    if (
      await rmdir(path).then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
      )
    )
      return;
    await pause(100);
  }
  throw new StackFailure(`Cannot remove the cgroup ${path}: a process is still in it; end it, then remove the folder.`);
}
