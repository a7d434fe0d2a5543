import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { syncToDisk } from '../../src/sync-to-disk.ts';

/** Puts the libraries of a wheel into a folder, each whole or not at all; answers their names. */
export async function unpackWheel(wheel: string, takes: RegExp, folder: string): Promise<string[]> {
  const zip = await openPromise(wheel, { autoClose: false, lazyEntries: true });
  const names: string[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      if (!takes.test(entry.fileName)) continue;
      const name = basename(entry.fileName);
      const part = join(folder, `${name}.part`);
      const bytes = await zip.openReadStreamPromise(entry);
      await pipeline(bytes, createWriteStream(part, { mode: 0o755, flush: true }));
      await rename(part, join(folder, name));
      names.push(name);
    }
  } finally {
    zip.close();
  }
  await syncToDisk(folder);
  return names;
}
