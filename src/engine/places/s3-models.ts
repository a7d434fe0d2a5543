import { createHash } from 'node:crypto';
import type { S3Entry } from '../../s3/s3-bucket.ts';
import { isModelName } from '../registry/model-folder.ts';
import { safePath } from './safe-path.ts';

export type WantedFile = S3Entry & {
  /** Below the folder of the model. */
  readonly path: string;
  /** By the list of hashes, where there is one. */
  readonly sha256: string | undefined;
};

/** A model as the listing of a prefix shows it. */
export type WantedModel = {
  readonly name: string;
  readonly files: readonly WantedFile[];
  /** Changes with any of its objects, and with what must be known of them. */
  readonly fingerprint: string;
  /** Why it is not taken, whatever its objects hold. */
  readonly problem: string | undefined;
};

const descriptions: readonly string[] = ['model.json', 'config.pbtxt'];

/** The names of the list of hashes and of its signature, at the top of the prefix. */
export const sumsName = 'SHA256SUMS';
export const signatureName = `${sumsName}.sig`;

/** The models of a listing. `sums`: the hashes that their objects must have. */
export function modelsOf(entries: readonly S3Entry[], sums: ReadonlyMap<string, string> | undefined): WantedModel[] {
  const byName = Map.groupBy(
    entries.filter(({ key }) => key.includes('/') && !key.endsWith('/')),
    ({ key }) => key.slice(0, key.indexOf('/')),
  );
  const models: WantedModel[] = [];
  for (const [name, objects] of byName) {
    if (!isModelName(name)) continue;
    const all = objects.map((entry) => ({
      ...entry,
      path: entry.key.slice(name.length + 1),
      sha256: sums?.get(entry.key),
    }));
    const hasGraph = all.some(({ path }) => /^[1-9]\d{0,17}\/model\.onnx$/.test(path));
    // Without a graph it may be a pipeline, which is in these files alone.
    const files = all.filter(({ path }) => descriptions.includes(path) || (hasGraph && /^[1-9]\d{0,17}\//.test(path)));
    if (files.length === 0) continue;
    models.push({ name, files, fingerprint: fingerprintOf(files), problem: problemOf(files, sums) });
  }
  return models;
}

/** Whether two listings show the same objects. */
export function marksOf(files: readonly S3Entry[]): string {
  return files
    .map(({ key, etag, sizeBytes }) => `${key}\n${etag}\n${sizeBytes}`)
    .sort()
    .join('\n');
}

function fingerprintOf(files: readonly WantedFile[]): string {
  const hash = createHash('sha256').update(marksOf(files));
  for (const { path, sha256 } of files) hash.update(`\n${path} ${sha256 ?? ''}`);
  return hash.digest('hex');
}

function problemOf(files: readonly WantedFile[], sums: ReadonlyMap<string, string> | undefined): string | undefined {
  const astray = files.find(({ path }) => safePath(path) === undefined);
  if (astray) return `its object ${JSON.stringify(astray.key.slice(0, 80))} has a path that leads elsewhere`;
  const unlisted = sums && files.find(({ sha256 }) => sha256 === undefined);
  return unlisted && `${unlisted.key.slice(0, 80)} is not in ${sumsName}`;
}
