import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../src/if-there.ts';

/** Where the server in a folder came from. A folder without that word was built. */
export type ServerSource =
  | { way: 'archive'; url: string; sha256: string }
  | { way: 'path'; program: string; bytes: number; changedMs: number }
  | { way: 'build' };

const file = 'source.json';

export function writeSource(folder: string, source: ServerSource): Promise<void> {
  return writeFile(join(folder, file), `${JSON.stringify(source)}\n`);
}

export async function readSource(folder: string): Promise<ServerSource> {
  const text = await ifThere(readFile(join(folder, file), 'utf8'));
  return text === undefined ? { way: 'build' } : (JSON.parse(text) as ServerSource);
}

/** False when a program on the PATH is no longer the one that was looked at. */
export async function isCurrent(source: ServerSource): Promise<boolean> {
  if (source.way !== 'path') return true;
  const now = await ifThere(stat(source.program));
  return now !== undefined && now.size === source.bytes && now.mtimeMs === source.changedMs;
}

/** As it ends «Prometheus is …». */
export function sayOf(source: ServerSource): string {
  switch (source.way) {
    case 'archive':
      return `downloaded from ${source.url}`;
    case 'path':
      return `${source.program}, found on the PATH`;
    case 'build':
      return 'built from its Go module';
  }
}
