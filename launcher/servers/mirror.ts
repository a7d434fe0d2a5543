import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ifThere } from '../../src/if-there.ts';
import { StackFailure } from '../stack-failure.ts';

/** Where archives come from, and which of them its operator vouches for. */
export type Mirror = { readonly base: string; readonly sha256: ReadonlyMap<string, string> };

const official = 'https://github.com/';

/** What VITRINE_MIRROR names. */
export async function mirrorOf(env: NodeJS.ProcessEnv): Promise<Mirror> {
  const named = env.VITRINE_MIRROR ?? '';
  return { base: named === '' ? official : baseOf(named), sha256: await readSums(env.VITRINE_MIRROR_SHA256SUMS ?? '') };
}

function baseOf(named: string): string {
  const url = URL.parse(named);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new StackFailure(
      `Cannot download servers: VITRINE_MIRROR is ${JSON.stringify(named)}, which is no http address; name one such as https://mirror.example/, or none.`,
    );
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}

/** A list as `sha256sum` prints it, with paths as they stand on the mirror. */
async function readSums(file: string): Promise<ReadonlyMap<string, string>> {
  if (file === '') return new Map();
  const path = resolve(file);
  const text = await ifThere(readFile(path, 'utf8'));
  if (text === undefined)
    throw new StackFailure(
      `Cannot check archives: ${path} is not there; correct VITRINE_MIRROR_SHA256SUMS, or leave it empty.`,
    );
  const sums = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, sum, name] = /^([0-9a-f]{64}) [ *](?:\.\/)?(\S+)$/.exec(line) ?? [];
    if (sum === undefined || name === undefined)
      throw new StackFailure(
        `Cannot check archives: line ${index + 1} of ${path} is not as sha256sum prints it; write the list again with \`vitrine archives\` (VITRINE_MIRROR_SHA256SUMS).`,
      );
    sums.set(name, sum);
  }
  return sums;
}
