import { ServiceError } from '../../errors.ts';
import { diskFailureOf } from '../../resilience/disk-failure.ts';
import { S3Bucket, type S3Entry } from '../../s3/s3-bucket.ts';
import { s3FailureOf } from '../../s3/s3-failure.ts';
import { ObjectFiles, WrongHash } from './object-files.ts';
import type { S3Place } from './place.ts';
import { placeRefused, placeUnreachable } from './place-failure.ts';
import type { PlaceRecord } from './place-record.ts';
import type { Errand, PlaceSource, PlacesConfig } from './place-source.ts';
import { marksOf, modelsOf, signatureName, sumsName, type WantedFile, type WantedModel } from './s3-models.ts';
import { isSignedBy } from './signature.ts';
import { readSums } from './sums.ts';

/** How often the whole is looked at again in one go, where it changes while it is read. */
const looksMax = 3;
/** Objects that are downloaded side by side. */
const atOnceMax = 4;
const sumsBytesMax = 16 * 1024 ** 2;

/** Models below a prefix of S3. Each is taken as one listing shows it, whole, or not at all. */
export class S3Source implements PlaceSource {
  readonly changes = true;
  readonly #place: S3Place;
  readonly #config: PlacesConfig;
  #bucket: S3Bucket | undefined;
  /** What was not taken, and is not downloaded again until it changes. */
  readonly #refused = new Map<string, { readonly fingerprint: string; readonly why: string }>();

  constructor(place: S3Place, config: PlacesConfig) {
    this.#place = place;
    this.#config = config;
  }

  async bring(errand: Errand): Promise<void> {
    const had: PlaceRecord['models'] = { ...errand.had.models };
    for (let look = 1; ; look += 1) {
      try {
        if (await this.#look(had, errand, look === looksMax)) return;
      } catch (error) {
        if (look === looksMax || s3FailureOf(error)?.kind !== 'changed') throw this.#asPlaceFailure(error);
      }
    }
  }

  /** False where something has changed meanwhile, and another look may help. */
  async #look(had: PlaceRecord['models'], errand: Errand, isLast: boolean): Promise<boolean> {
    const { folder, keep, signal } = errand;
    this.#bucket ??= await S3Bucket.open(this.#place.address, this.#config);
    const entries = await this.#list('', signal);
    const models = modelsOf(entries, await this.#readSums(entries, errand));
    // A prefix that is empty for a moment must take no model from anybody.
    if (models.length === 0) throw placeUnreachable(this.#place.title, 'there is no model below its prefix');
    const objects = new ObjectFiles(this.#bucket, folder);
    await objects.prepare();
    const missing = models.filter(({ name, fingerprint }) => had[name]?.fingerprint !== fingerprint);
    const worthIt = missing.filter((model) => this.#refusalOf(model) === undefined);
    await this.#announce(worthIt, objects, errand);
    let isWhole = true;
    for (const model of worthIt) {
      const brought = await this.#bringModel(model, objects, errand);
      if (brought === 'changed') isWhole = false;
      if (brought !== 'whole') continue;
      had[model.name] = { folder: await objects.assemble(model), fingerprint: model.fingerprint };
      await keep({ models: had });
    }
    if (!isWhole && !isLast) return false;
    await this.#settle({ models, had, isWhole, objects, errand });
    return true;
  }

  /** What is gone from the prefix is forgotten, and what is not taken is said. */
  async #settle(of: {
    models: readonly WantedModel[];
    had: PlaceRecord['models'];
    isWhole: boolean;
    objects: ObjectFiles;
    errand: Errand;
  }): Promise<void> {
    const { models, had, isWhole, objects, errand } = of;
    const names = new Set(models.map(({ name }) => name));
    const gone = Object.keys(had).filter((name) => !names.has(name));
    for (const name of gone) delete had[name];
    if (gone.length > 0) await errand.keep({ models: had });
    for (const name of this.#refused.keys()) if (!names.has(name)) this.#refused.delete(name);
    const refused: Record<string, string> = {};
    for (const model of models) {
      const why = this.#refusalOf(model);
      if (why !== undefined) refused[model.name] = why;
      else if (had[model.name]?.fingerprint !== model.fingerprint)
        refused[model.name] = 'it changes while it is read; it is tried again (VITRINE_MODELS_LOOK_MS)';
    }
    errand.progress.change({ refused, arriving: [] });
    if (isWhole) await objects.removeBut(models.flatMap(({ files }) => files));
  }

  #refusalOf(model: WantedModel): string | undefined {
    if (model.problem !== undefined) return model.problem;
    const refusal = this.#refused.get(model.name);
    return refusal?.fingerprint === model.fingerprint ? refusal.why : undefined;
  }

  async #announce(models: readonly WantedModel[], objects: ObjectFiles, { progress }: Errand): Promise<void> {
    if (models.length === 0) return;
    let [bytes, had] = [0, 0];
    for (const file of models.flatMap(({ files }) => files)) {
      bytes += file.sizeBytes;
      had += await objects.had(file);
    }
    progress.begins(
      bytes,
      models.map(({ name }) => name),
      had,
    );
  }

  /** `changed`: its objects are no longer as the listing showed them. */
  async #bringModel(
    model: WantedModel,
    objects: ObjectFiles,
    { progress, signal }: Errand,
  ): Promise<'whole' | 'changed' | 'refused'> {
    try {
      const ended = new AbortController();
      const of = { onBytes: (bytes: number) => progress.add(bytes), signal: AbortSignal.any([signal, ended.signal]) };
      const files = model.files.values();
      const lines = Array.from({ length: atOnceMax }, () => getAll(files, (file) => objects.get(file, of)));
      // The first failure ends the others, and all have ended before anything is done about it.
      for (const line of lines) line.catch(() => ended.abort());
      const failed = (await Promise.allSettled(lines)).filter((outcome) => outcome.status === 'rejected');
      const [first] = failed.filter(({ reason }) => (reason as Error).name !== 'AbortError');
      if (first ?? failed[0]) throw (first ?? failed[0])!.reason;
      return marksOf(await this.#filesNow(model, signal)) === marksOf(model.files) ? 'whole' : 'changed';
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WrongHash) {
        const why = `${error.message}, not what ${sumsName} says`;
        this.#refused.set(model.name, { fingerprint: model.fingerprint, why });
        return 'refused';
      }
      const kind = s3FailureOf(error)?.kind;
      if (kind === 'changed' || kind === 'missing') return 'changed';
      throw error;
    }
  }

  async #filesNow({ name }: WantedModel, signal: AbortSignal): Promise<readonly S3Entry[]> {
    return modelsOf(await this.#list(`${name}/`, signal), undefined)[0]?.files ?? [];
  }

  async #list(prefix: string, signal: AbortSignal): Promise<S3Entry[]> {
    const { modelsFilesMax, modelsBytesMax } = this.#config;
    const { title } = this.#place;
    const entries: S3Entry[] = [];
    let bytes = 0;
    for await (const entry of this.#bucket!.list(prefix, signal)) {
      entries.push(entry);
      bytes += entry.sizeBytes;
      if (entries.length > modelsFilesMax)
        throw placeRefused(
          title,
          `it has more than ${modelsFilesMax} objects`,
          'name a longer prefix, or raise VITRINE_MODELS_FILES_MAX',
        );
      if (bytes > modelsBytesMax)
        throw placeRefused(
          title,
          `it has more than ${modelsBytesMax} bytes`,
          'name a longer prefix, or raise VITRINE_MODELS_BYTES_MAX',
        );
    }
    return entries;
  }

  /** The list of hashes, where there is one; where there is a key there must be, and signed by it. */
  async #readSums(entries: readonly S3Entry[], { publicKey, signal }: Errand) {
    const { title } = this.#place;
    const find = (name: string) => entries.find(({ key }) => key === name);
    const list = find(sumsName);
    const signature = find(signatureName);
    if (publicKey && (!list || !signature))
      throw placeRefused(title, `it has no ${list ? signatureName : sumsName}`, signing);
    if (!list) return undefined;
    const text = await this.#readSmall(list, signal);
    if (publicKey && signature && !isSignedBy(publicKey, text, await this.#readSmall(signature, signal)))
      throw placeRefused(title, `the signature of ${sumsName} is not that of VITRINE_MODELS_PUBLIC_KEY_FILE`, signing);
    const sums = readSums(text.toString('utf8'));
    if (sums === undefined)
      throw placeRefused(title, `its ${sumsName} has a line that is no hash`, 'write it with sha256sum');
    return sums;
  }

  async #readSmall(entry: S3Entry, signal: AbortSignal): Promise<Buffer> {
    if (entry.sizeBytes > sumsBytesMax)
      throw placeRefused(this.#place.title, `its ${entry.key} has more than ${sumsBytesMax} bytes`, 'split the prefix');
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#bucket!.read({ ...entry, signal })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  #asPlaceFailure(error: unknown): unknown {
    // Of the two, only the network says ETIMEDOUT here.
    const isOfDisk = diskFailureOf(error) !== undefined && (error as NodeJS.ErrnoException).code !== 'ETIMEDOUT';
    if (error instanceof ServiceError || isOfDisk) return error;
    const { title } = this.#place;
    const failure = s3FailureOf(error);
    if (failure) return placeUnreachable(title, failure.why, error);
    const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return $metadata
      ? placeUnreachable(title, `the bucket answers ${$metadata.httpStatusCode} (${name})`, error)
      : error;
  }
}

const signing = `put ${sumsName} (sha256sum) and ${signatureName} (openssl pkeyutl -sign -rawin) there, or leave VITRINE_MODELS_PUBLIC_KEY_FILE out`;

async function getAll(files: Iterator<WantedFile>, get: (file: WantedFile) => Promise<void>): Promise<void> {
  for (let next = files.next(); !next.done; next = files.next()) await get(next.value);
}
