import type { KeyObject } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadFailed, downloadSmall, downloadVerified } from '../../download.ts';
import { makeFolder } from '../../make-folder.ts';
import { syncToDisk } from '../../sync-to-disk.ts';
import { scanRepository } from '../registry/model-folder.ts';
import type { ArchivePlace } from './place.ts';
import { placeRefused, placeUnreachable } from './place-failure.ts';
import { servedFolder } from './place-folder.ts';
import type { PlaceRecord } from './place-record.ts';
import type { Errand, PlaceSource, PlacesConfig } from './place-source.ts';
import { isSignedBy } from './signature.ts';
import { BadArchive, unpackModels } from './unpack-models.ts';

/** Models in an archive, whose hash says once and for all what they are. */
export class ArchiveSource implements PlaceSource {
  readonly changes = false;
  readonly #place: ArchivePlace;
  readonly #config: PlacesConfig;

  constructor(place: ArchivePlace, config: PlacesConfig) {
    this.#place = place;
    this.#config = config;
  }

  async bring(errand: Errand): Promise<void> {
    try {
      await this.#bring(errand);
    } catch (error) {
      if (!(error instanceof DownloadFailed)) throw error;
      const { kind, message, remedy } = error;
      const { title } = this.#place;
      throw kind === 'refused' ? placeRefused(title, message, remedy, error) : placeUnreachable(title, message, error);
    }
  }

  async #bring(errand: Errand): Promise<void> {
    const { folder, had, publicKey, progress, keep, signal } = errand;
    const { sha256, title } = this.#place;
    if (Object.keys(had.models).length > 0) return;
    if (publicKey) await this.#checkSignature(publicKey, signal);
    const archive = join(folder, 'archive.part');
    await this.#download(archive, errand);
    progress.change({ arriving: [] });
    const unpacked = join(folder, 'unpacked.part');
    await rm(unpacked, { recursive: true, force: true });
    await makeFolder(unpacked);
    const { modelsBytesMax: bytesMax, modelsFilesMax: filesMax } = this.#config;
    try {
      await unpackModels(archive, this.#place.form, unpacked, { bytesMax, filesMax });
    } catch (error) {
      await rm(unpacked, { recursive: true, force: true });
      if (!(error instanceof BadArchive)) throw error;
      throw placeRefused(title, error.message, 'make another archive, or raise the limit', error);
    }
    const below = await rootOfModels(unpacked);
    if (below === undefined)
      throw placeRefused(title, 'it has no model', 'put <name>/<version>/model.onnx into it, as in a repository');
    const served = join(servedFolder, sha256);
    await rm(join(folder, served), { recursive: true, force: true });
    await makeFolder(join(folder, servedFolder));
    await rename(unpacked, join(folder, served));
    await syncToDisk(join(folder, servedFolder));
    const models: PlaceRecord['models'] = {};
    for (const { name } of await scanRepository(join(folder, served, below)))
      models[name] = { folder: join(served, below, name), fingerprint: sha256 };
    await keep({ models });
    await rm(archive, { force: true });
  }

  async #checkSignature(key: KeyObject, signal: AbortSignal): Promise<void> {
    const { title, url, sha256, signature } = this.#place;
    const beside = new URL(url);
    beside.pathname += '.sig';
    const { filesMsMax: silentMsMax } = this.#config;
    const given = signature
      ? Buffer.from(signature, 'base64')
      : await downloadSmall({ url: beside.href, bytesMax: signatureFileBytesMax, silentMsMax, signal });
    if (given === undefined) throw placeRefused(title, `there is no signature at ${beside.pathname}`, signing);
    if (!isSignedBy(key, Buffer.from(sha256), given))
      throw placeRefused(title, 'its signature is not that of VITRINE_MODELS_PUBLIC_KEY_FILE', signing);
  }

  async #download(archive: string, { progress, signal }: Errand): Promise<void> {
    const { url, title, sha256 } = this.#place;
    const { modelsBytesMax: bytesMax, filesMsMax: silentMsMax } = this.#config;
    await downloadVerified({
      url,
      to: archive,
      sha256,
      wrongHash: (found) =>
        placeRefused(title, `its SHA-256 is ${found}`, 'correct what stands behind #sha256=, or the archive'),
      bytesMax,
      tooLargeRemedy: 'raise VITRINE_MODELS_BYTES_MAX, or give a smaller one',
      silentMsMax,
      signal,
      begins: (total, had) => progress.begins(total, [], had),
      onBytes: (bytes) => progress.add(bytes),
    });
  }
}

const signatureFileBytesMax = 64 * 1024;
const signing =
  'sign the 64 digits of its SHA-256 (openssl pkeyutl -sign -rawin) and put that beside it, or leave VITRINE_MODELS_PUBLIC_KEY_FILE out';

/** Where in the archive the models are: at its top, or in the one folder there. */
async function rootOfModels(unpacked: string): Promise<string | undefined> {
  const hasModels = async (folder: string) =>
    (await scanRepository(folder)).some(({ versions }) => versions.length > 0);
  if (await hasModels(unpacked)) return '.';
  const entries = await readdir(unpacked, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  const [only] = folders;
  return only && folders.length === 1 && (await hasModels(join(unpacked, only.name))) ? only.name : undefined;
}
