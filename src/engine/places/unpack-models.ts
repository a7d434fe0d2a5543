import { createReadStream, createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { makeFolder } from '../../make-folder.ts';
import { diskFailureOf } from '../../resilience/disk-failure.ts';
import { syncToDisk } from '../../sync-to-disk.ts';
import type { ArchiveForm } from './place.ts';
import { safePath } from './safe-path.ts';

export type UnpackLimits = { readonly bytesMax: number; readonly filesMax: number };

/** Why an archive is not taken, as it ends a sentence about it. */
export class BadArchive extends Error {
  override readonly name = 'BadArchive';
}

/** What heads and fillings of a tar may add to its files. */
const overheadBytesPerFile = 16 * 1024;

/**
 * Writes the files of an archive below a folder that is empty, and syncs them. Only files and
 * folders are taken, none of them twice, and none outside the folder.
 */
export async function unpackModels(
  archive: string,
  form: ArchiveForm,
  to: string,
  limits: UnpackLimits,
): Promise<void> {
  const target = new Target(to, limits);
  try {
    await (form === 'zip' ? unzip(archive, target) : untar(archive, form, target, limits));
  } catch (error) {
    if (error instanceof BadArchive || diskFailureOf(error)) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR')
      throw new BadArchive('it has two entries in one place', { cause: error });
    throw new BadArchive(`it cannot be read (${message})`, { cause: error });
  }
  await target.sync();
}

/** The folder that is filled, within its limits. */
class Target {
  readonly #folder: string;
  readonly #limits: UnpackLimits;
  readonly #folders = new Set<string>();
  #entries = 0;
  #bytes = 0;

  constructor(folder: string, limits: UnpackLimits) {
    this.#folder = folder;
    this.#limits = limits;
    this.#folders.add(folder);
  }

  async folder(name: string): Promise<void> {
    this.#count(0);
    const path = safe(name);
    if (path !== '') await this.#make(join(this.#folder, path));
  }

  async file(name: string, sizeBytes: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    this.#count(sizeBytes);
    const path = safe(name);
    if (path === '') throw new BadArchive('it has a file without a name');
    const file = join(this.#folder, path);
    await this.#make(dirname(file));
    await pipeline(bytes, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
  }

  /** The names of all files, after their bytes. */
  async sync(): Promise<void> {
    for (const folder of this.#folders) await syncToDisk(folder);
  }

  #count(sizeBytes: number): void {
    const { bytesMax, filesMax } = this.#limits;
    this.#entries += 1;
    this.#bytes += sizeBytes;
    if (this.#entries > filesMax)
      throw new BadArchive(`it has more than ${filesMax} entries (VITRINE_MODELS_FILES_MAX)`);
    if (this.#bytes > bytesMax)
      throw new BadArchive(`unpacked it has more than ${bytesMax} bytes (VITRINE_MODELS_BYTES_MAX)`);
  }

  async #make(folder: string): Promise<void> {
    await makeFolder(folder);
    for (let at = folder; !this.#folders.has(at); at = dirname(at)) this.#folders.add(at);
  }
}

async function untar(archive: string, form: ArchiveForm, target: Target, limits: UnpackLimits): Promise<void> {
  const entries = extract();
  const read = createReadStream(archive, { highWaterMark: 1024 * 1024 });
  const bound = atMost(limits.bytesMax + overheadBytesPerFile * (limits.filesMax + 1));
  const reading = form === 'tar' ? pipeline(read, bound, entries) : pipeline(read, createGunzip(), bound, entries);
  const writing = (async () => {
    for await (const entry of entries) {
      const { type, name, size = 0 }: Header = entry.header;
      if (type === 'directory') await target.folder(name);
      else if (type === 'file') {
        await target.file(name, size, entry as AsyncIterable<Uint8Array>);
        continue;
      } else throw new BadArchive(`it has a ${type ?? 'thing'}, which is neither a file nor a folder`);
      entry.resume();
    }
  })();
  // Of both failures that of the writing says more.
  const [written, was] = await Promise.allSettled([writing, reading]);
  if (written.status === 'rejected')
    throw was.status === 'rejected' && isOfStream(written.reason) ? was.reason : written.reason;
  if (was.status === 'rejected') throw was.reason;
}

/** The pipeline's own end, which says nothing. */
function isOfStream(error: unknown): boolean {
  return !(error instanceof BadArchive) && /premature close|closed/i.test(String((error as Error).message));
}

/** A gzip may inflate to anything. */
function atMost(bytesMax: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > bytesMax)
        done(new BadArchive(`unpacked it has more than ${bytesMax} bytes (VITRINE_MODELS_BYTES_MAX)`));
      else done(null, chunk);
    },
  });
}

const unixKindMask = 0o170000;
const unixFile = 0o100000;
const unixFolder = 0o040000;

async function unzip(archive: string, target: Target): Promise<void> {
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(archive, { autoClose: false, lazyEntries: true, strictFileNames: true });
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName: name, uncompressedSize, externalFileAttributes } = entry;
      const kind = (externalFileAttributes >>> 16) & unixKindMask;
      if (kind !== 0 && kind !== unixFile && kind !== unixFolder)
        throw new BadArchive('it has a link or a device, which is neither a file nor a folder');
      if (name.endsWith('/')) await target.folder(name);
      else await target.file(name, uncompressedSize, await zip.openReadStreamPromise(entry));
    }
  } finally {
    zip.close();
  }
}

function safe(name: string): string {
  const path = safePath(name.replace(/^(\.\/)+/, '').replace(/\/+$/, ''));
  if (path === undefined)
    throw new BadArchive(`it has the path ${JSON.stringify(name.slice(0, 80))}, which leads elsewhere`);
  return path === '.' ? '' : path;
}
