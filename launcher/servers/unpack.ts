import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';
import { NoArchive } from './fetch-archive.ts';

/** Writes one file of an archive (.tar.gz or .zip) and nothing else, so no path in it matters. */
export async function unpack(archive: string, member: string, to: string): Promise<void> {
  const open = archive.endsWith('.zip') ? unzip : untar;
  const found = await open(archive, member, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOSPC') throw error;
    throw new NoArchive(`its archive cannot be read (${error.message})`);
  });
  if (!found) throw new NoArchive(`its archive has no ${member}`);
}

async function untar(archive: string, member: string, to: string): Promise<boolean> {
  const entries = extract();
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  const searching = (async () => {
    let found = false;
    for await (const entry of entries) {
      if (entry.header.type === 'file' && entry.header.name.replace(/^\.\//, '') === member) {
        await write(entry as AsyncIterable<Uint8Array>, to);
        found = true;
      } else entry.resume();
    }
    return found;
  })();
  const [found] = await Promise.all([searching, reading]);
  return found;
}

async function unzip(archive: string, member: string, to: string): Promise<boolean> {
  const zip = await openPromise(archive, { autoClose: false, lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== member) continue;
      await write(await zip.openReadStreamPromise(entry), to);
      return true;
    }
    return false;
  } finally {
    zip.close();
  }
}

function write(from: AsyncIterable<Uint8Array>, to: string): Promise<void> {
  return pipeline(from, createWriteStream(to, { mode: 0o755 }));
}
