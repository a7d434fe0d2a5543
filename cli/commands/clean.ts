import { existsSync } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { cacheFolder } from '../../launcher/cache-folder.ts';
import { componentNames } from '../../launcher/components.ts';
import { isRunning } from '../../launcher/process-identity.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { endLeftovers, readState } from '../../launcher/stack-state.ts';
import { readConfig } from '../../src/config.ts';

/**
 * Removes what was written at run time. Only folders that Vitrine makes are touched, whatever
 * VITRINE_DATA points to.
 */
export async function clean({ cache = false, yes = false }: { cache?: boolean; yes?: boolean }): Promise<number> {
  const data = resolve(import.meta.dirname, '../..', readConfig().data);
  const state = readState(data);
  if (state !== undefined && (await isRunning(state.launcher))) {
    throw new StackFailure(
      `Cannot clean ${data}: a stack runs in it (pid ${state.launcher.pid}); stop it first with \`vitrine down\`.`,
    );
  }
  const folders = [...componentNames, 'stack'].map((name) => join(data, name)).filter((path) => existsSync(path));
  if (cache && existsSync(join(cacheFolder(), 'servers'))) folders.push(join(cacheFolder(), 'servers'));
  if (folders.length === 0) {
    process.stdout.write(`There is nothing to remove in ${data}.\n`);
    return 0;
  }
  for (const folder of folders) process.stdout.write(`${folder}  ${megabytes(await sizeOfTree(folder))}\n`);
  if (!yes && !(await agreed('Remove these folders and all telemetry in them? [y/N] '))) {
    process.stdout.write('Nothing was removed.\n');
    return 1;
  }
  await endLeftovers(data);
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  if (existsSync(data) && (await readdir(data)).length === 0) await rmdir(data);
  process.stdout.write('Removed.\n');
  return 0;
}

async function agreed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise<string>((done) => terminal.once('close', () => done('')));
    return /^y(es)?$/i.test((await Promise.race([terminal.question(question), closed])).trim());
  } finally {
    terminal.close();
  }
}

async function sizeOfTree(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    files.filter((one) => one.isFile()).map(async (one) => (await stat(join(one.parentPath, one.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
