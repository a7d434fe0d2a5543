import { createHash } from 'node:crypto';
import { globSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The hash of the Dockerfile and of what it copies. */
export async function contentOf(root: string, dockerfile: string, copied: readonly string[]): Promise<string> {
  const files = copied
    .flatMap((path) => (statSync(join(root, path)).isDirectory() ? globSync(`${path}/**/*`, { cwd: root }) : [path]))
    .filter((path) => !path.startsWith('web/dist') && statSync(join(root, path)).isFile());
  const hash = createHash('sha256');
  for (const path of [dockerfile, ...files.sort()]) hash.update(path).update(await readFile(join(root, path)));
  return hash.digest('hex');
}

/** What an image is made of: other commits leave it as it is. */
export async function letThrough(root: string): Promise<string[]> {
  const lines = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
}

/** The folder of an image in the cache: its name, and the hash of what decides its content. */
export function keyOf(name: string, ...parts: readonly string[]): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([name, ...parts]))
    .digest('hex');
  return `${stemOf(name)}-${hash.slice(0, 16)}`;
}

export function stemOf(name: string): string {
  return name.replace(/[/:]/g, '-');
}
