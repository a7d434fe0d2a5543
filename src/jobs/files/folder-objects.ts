import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ifThere } from '../../if-there.ts';
import { makeFolder } from '../../make-folder.ts';
import { diskFailureOf } from '../../resilience/disk-failure.ts';
import { filesMissing, filesUnreachable } from './files-failure.ts';
import type { ObjectFacts, ObjectStore } from './object-store.ts';
import { SharedSync } from './shared-sync.ts';

const unfinished = '.unfinished';

/** Objects as files of a folder that all replicas mount. */
export class FolderObjects implements ObjectStore {
  readonly #folder: string;
  readonly #sync = new SharedSync();

  constructor(folder: string) {
    this.#folder = folder;
  }

  put(key: string, file: string, _facts: ObjectFacts, signal?: AbortSignal): Promise<void> {
    return named(async () => {
      const target = join(this.#folder, key);
      const part = join(this.#folder, unfinished, randomUUID());
      try {
        await makeFolder(dirname(part));
        await pipeline(createReadStream(file), createWriteStream(part, { flush: true }), { ...(signal && { signal }) });
        await makeFolder(dirname(target));
        await rename(part, target);
        // From the file up: the first reaches the disk with what the others would write.
        for (let folder = dirname(target); folder.length >= this.#folder.length; folder = dirname(folder))
          await this.#sync.sync(folder);
      } catch (error) {
        await rm(part, { force: true }).catch(() => undefined);
        throw error;
      }
    });
  }

  get(key: string, _sizeBytes: number, signal?: AbortSignal): Promise<Readable> {
    return named(async () => {
      const handle = await open(join(this.#folder, key), 'r');
      return handle.createReadStream({ ...(signal && { signal }) });
    });
  }

  link(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  remove(prefix: string): Promise<void> {
    return named(() => rm(join(this.#folder, prefix), { recursive: true, force: true }));
  }

  async *olderThan(prefix: string, ageMs: number): AsyncIterable<string> {
    const folder = join(this.#folder, prefix);
    for (const name of (await named(() => ifThere(readdir(folder)))) ?? [])
      if (await isOlder(join(folder, name), ageMs)) yield name;
  }

  async removeUnfinished(ageMs: number): Promise<void> {
    const folder = join(this.#folder, unfinished);
    for (const name of (await named(() => ifThere(readdir(folder)))) ?? [])
      if (await isOlder(join(folder, name), ageMs)) await named(() => rm(join(folder, name), { force: true }));
  }
}

/** A folder is as old as what was last put right into it. */
async function isOlder(path: string, ageMs: number): Promise<boolean> {
  const found = await named(() => ifThere(stat(path)));
  return found !== undefined && Date.now() - found.mtimeMs >= ageMs;
}

async function named<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const kind = diskFailureOf(error);
    if (kind)
      throw filesUnreachable(
        kind === 'full' ? 'the disk of their folder is full' : `their folder fails (${kind})`,
        error,
      );
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw filesMissing(error);
    throw error;
  }
}
