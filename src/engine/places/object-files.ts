import { createHash } from 'node:crypto';
import { copyFile, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Of } from '../../hash-of-file.ts';
import { ifThere } from '../../if-there.ts';
import { makeFolder } from '../../make-folder.ts';
import type { S3Bucket } from '../../s3/s3-bucket.ts';
import { syncToDisk } from '../../sync-to-disk.ts';
import { objectsFolder, partsFolder, servedFolder } from './place-folder.ts';
import type { WantedFile, WantedModel } from './s3-models.ts';

/** An object is not what the list of hashes says. */
export class WrongHash extends Error {
  override readonly name = 'WrongHash';
}

/**
 * Objects of a bucket as files, by key, ETag and size: one that is here is not downloaded again, and
 * one that is here in part goes on, also after a restart.
 */
export class ObjectFiles {
  readonly #bucket: S3Bucket;
  readonly #folder: string;

  constructor(bucket: S3Bucket, folder: string) {
    this.#bucket = bucket;
    this.#folder = folder;
  }

  async prepare(): Promise<void> {
    for (const folder of [objectsFolder, partsFolder, servedFolder]) await makeFolder(join(this.#folder, folder));
  }

  /** How many of its bytes are here. */
  async had(file: WantedFile): Promise<number> {
    const [whole, part] = [await sizeOf(this.#whole(file)), await sizeOf(this.#part(file))];
    return whole ?? Math.min(part ?? 0, file.sizeBytes);
  }

  /** Throws what S3 answers, or WrongHash. */
  async get(file: WantedFile, { onBytes, signal }: { onBytes: (bytes: number) => void; signal: AbortSignal }) {
    const [whole, part] = [this.#whole(file), this.#part(file)];
    const isHere = (await sizeOf(whole)) === file.sizeBytes;
    if (!isHere) {
      await this.#download(file, part, onBytes, signal);
      await rename(part, whole);
      await syncToDisk(dirname(whole));
    }
    if (file.sha256 === undefined) return;
    const found = await sha256Of(whole);
    if (found === file.sha256) return;
    await rm(whole);
    throw new WrongHash(`the SHA-256 of ${file.key} is ${found}`);
  }

  async #download(file: WantedFile, part: string, onBytes: (bytes: number) => void, signal: AbortSignal) {
    const { key, sizeBytes, etag } = file;
    const had = (await sizeOf(part)) ?? 0;
    if (had > sizeBytes) await rm(part);
    const from = had > sizeBytes ? 0 : had;
    await using target = await open(part, 'a', 0o600);
    if (from < sizeBytes)
      for await (const bytes of this.#bucket.read({ key, sizeBytes, etag, from, signal })) {
        await target.appendFile(bytes);
        onBytes(bytes.length);
      }
    await target.sync();
    if ((await target.stat()).size === sizeBytes) return;
    await rm(part);
    throw new Error(`${key} has another size than its listing says`);
  }

  /** Makes a folder of a model's files, all or nothing; answers where below the place's folder. */
  async assemble({ name, files, fingerprint }: WantedModel): Promise<string> {
    const served = join(servedFolder, `${name}-${fingerprint.slice(0, 16)}`);
    const target = join(this.#folder, served);
    const part = `${target}.part`;
    await rm(part, { recursive: true, force: true });
    await rm(target, { recursive: true, force: true });
    const folders = new Set([part]);
    for (const file of files) {
      const to = join(part, file.path);
      for (let at = dirname(to); !folders.has(at); at = dirname(at)) folders.add(at);
      await makeFolder(dirname(to));
      await linkOrCopy(this.#whole(file), to);
    }
    for (const folder of folders) await syncToDisk(folder);
    await rename(part, target);
    await syncToDisk(dirname(target));
    return served;
  }

  /** Objects that are in no model any more; what a model has of them is its own. */
  async removeBut(files: readonly WantedFile[]): Promise<void> {
    const kept = new Set(files.map(idOf));
    for (const folder of [objectsFolder, partsFolder])
      for (const id of (await ifThere(readdir(join(this.#folder, folder)))) ?? [])
        if (!kept.has(id)) await rm(join(this.#folder, folder, id), { force: true });
  }

  #whole(file: WantedFile): string {
    return join(this.#folder, objectsFolder, idOf(file));
  }

  #part(file: WantedFile): string {
    return join(this.#folder, partsFolder, idOf(file));
  }
}

function idOf({ key, etag, sizeBytes }: WantedFile): string {
  return createHash('sha256').update(`${key}\n${etag}\n${sizeBytes}`).digest('hex');
}

/** Not every file system has links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    await copyFile(from, to);
    await syncToDisk(to);
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await ifThere(stat(file)))?.size;
}
