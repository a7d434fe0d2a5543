import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../errors.ts';
import { parseManifest } from './complete-manifest.ts';
import type { ManifestFile } from './manifest.ts';

/** One model of the repository as it lies on disk. */
export type ModelFolder = {
  readonly name: string;
  /** Version folders that hold a model.onnx, newest first. */
  readonly versions: readonly string[];
  /** Changes when a file is added, removed or written. */
  readonly fingerprint: string;
};

/** The folders of the repository that hold a model. A repository that is not there has none. */
export async function scanRepository(repository: string): Promise<ModelFolder[]> {
  const entries = await readdir(repository, { withFileTypes: true }).catch(emptyIfMissing);
  const names = entries.filter((entry) => !entry.isFile() && isModelName(entry.name)).map(({ name }) => name);
  const folders = await Promise.all(names.sort().map((name) => scanModel(repository, name)));
  return folders.filter((folder) => folder !== undefined);
}

/** Undefined when there is no such folder, or none of its versions has a model.onnx. */
export async function scanModel(repository: string, name: string): Promise<ModelFolder | undefined> {
  if (!isModelName(name)) return undefined;
  const entries = await readdir(join(repository, name), { withFileTypes: true }).catch(emptyIfMissing);
  const marks = [await markOf(join(repository, name, 'model.json'))];
  const versions: string[] = [];
  for (const entry of entries) {
    if (!/^[1-9]\d{0,17}$/.test(entry.name)) continue;
    const files: string[] = await readdir(join(repository, name, entry.name)).catch(emptyIfMissing);
    if (!files.includes('model.onnx')) continue;
    versions.push(entry.name);
    // Weights may lie in files beside model.onnx.
    for (const file of files.sort()) marks.push(await markOf(join(repository, name, entry.name, file)));
  }
  if (versions.length === 0) return undefined;
  versions.sort((one, other) => Number(BigInt(other) - BigInt(one)));
  return { name, versions, fingerprint: marks.join('\n') };
}

/** What model.json says; all defaults where there is none. */
export async function readManifest(repository: string, name: string): Promise<ManifestFile> {
  const file = join(repository, name, 'model.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return parseManifest(parseJson(text, file), file);
}

/** The versions that the policy serves, newest first. */
export function versionsServed(policy: ManifestFile['versions'], versions: readonly string[]): readonly string[] {
  if (policy === 'all') return versions;
  if ('latest' in policy) return versions.slice(0, policy.latest);
  return versions.filter((version) => policy.only.includes(version));
}

/** A name goes into paths, labels and logs: letters, digits, dot, dash and underscore. */
function isModelName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

async function markOf(file: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(file);
    return `${file} ${size} ${mtimeMs} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return `${file} none`;
    throw error;
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServiceError('invalid_model', `Cannot use ${file}: it is not JSON (${(cause as Error).message}).`, {
      cause,
    });
  }
}

function emptyIfMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
