import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../if-there.ts';

/** Removes what places have brought that VITRINE_MODELS no longer names. */
export async function removePlacesBut(
  folder: string,
  kept: readonly string[],
  isUsed: (folder: string) => boolean,
): Promise<void> {
  for (const name of (await ifThere(readdir(folder))) ?? []) {
    const one = join(folder, name);
    if (!kept.includes(one) && !isUsed(one)) await rm(one, { recursive: true, force: true });
  }
}
