import { createHash, type KeyObject } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../if-there.ts';
import type { Place } from './place.ts';
import { readRecord } from './place-record.ts';

/** What is served: a folder for each state of a model or archive. */
export const servedFolder = 'served';
/** Objects of S3, whole, by what they are. */
export const objectsFolder = 'objects';
/** The same on their way. */
export const partsFolder = 'parts';

/** Where in VITRINE_DATA the folders of all places lie. */
export function placesFolder(data: string): string {
  return join(data, 'models');
}

/**
 * The folder of a place. With another hash or another key it is another one: what lies there was
 * verified as the settings ask for now.
 */
export function folderName(place: Place, key: KeyObject | undefined): string {
  const hash = createHash('sha256').update(place.title);
  if (place.kind === 'https') hash.update(`\n${place.sha256}`);
  if (key) hash.update(key.export({ type: 'spki', format: 'der' }));
  return `${place.kind}-${hash.digest('hex').slice(0, 16)}`;
}

/** Removes what is neither in the record nor in use: states of models that others have replaced. */
export async function removeReplaced(folder: string, isUsed: (folder: string) => boolean): Promise<void> {
  const kept = Object.values((await readRecord(folder)).models).map((model) => join(folder, model.folder));
  const served = join(folder, servedFolder);
  for (const name of (await ifThere(readdir(served))) ?? []) {
    const one = join(served, name);
    const isKept = kept.some((path) => path === one || path.startsWith(`${one}/`));
    if (!isKept && !isUsed(one)) await rm(one, { recursive: true, force: true });
  }
}
