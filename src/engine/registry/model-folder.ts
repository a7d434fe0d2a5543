import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../errors.ts';
import { ifThere } from '../../if-there.ts';
import { ours, say } from '../../sentence.ts';
import { parseModelFile } from './complete-manifest.ts';
import type { ManifestFile, PipelineFile } from './manifest-schema.ts';
import { parseTextConfig } from './parse-text-config.ts';
import { fromTritonConfig } from './triton-config.ts';

/** One entry of the repository as it lies on disk. */
export type ModelFolder = {
  readonly name: string;
  /** Where it lies. */
  readonly folder: string;
  /** Version folders with a model.onnx, newest first; of a pipeline all there are, or 1. */
  readonly versions: readonly string[];
  /** Changes when a file is added, removed or written. */
  readonly fingerprint: string;
  /** Why nothing in the folder can be used; undefined when it can. */
  readonly problem: string | undefined;
  /** It has no model.onnx: its steps are in model.json, or in a config.pbtxt of Triton's. */
  readonly isPipeline: boolean;
};

/**
 * The entries of the repository that are models, or links and folders that should be. Files are
 * passed over. An entry that cannot be read has a problem and hurts no other. A repository that is
 * not there has none.
 */
export async function scanRepository(repository: string): Promise<ModelFolder[]> {
  const entries = (await ifThere(readdir(repository, { withFileTypes: true }), ['ENOTDIR'])) ?? [];
  const names = entries.filter((entry) => !entry.isFile() && isModelName(entry.name)).map(({ name }) => name);
  const folders = await Promise.all(names.sort().map((name) => scanModel(repository, name)));
  return folders.filter((folder) => folder !== undefined);
}

export async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/**
 * Undefined when there is no such entry, or it is a folder none of whose versions has a model.onnx.
 */
export async function scanModel(repository: string, name: string): Promise<ModelFolder | undefined> {
  return isModelName(name) ? await scanModelFolder(join(repository, name), name) : undefined;
}

/** The same of a folder that is called otherwise than its model. */
export async function scanModelFolder(folder: string, name: string): Promise<ModelFolder | undefined> {
  const marks = [await markOf(join(folder, 'model.json'))];
  const versions: string[] = [];
  const emptyVersions: string[] = [];
  let problem: string | undefined;
  try {
    for (const version of await readdir(folder)) {
      if (!/^[1-9]\d{0,17}$/.test(version)) continue;
      try {
        const files = await readdir(join(folder, version));
        if (!files.includes('model.onnx')) {
          emptyVersions.push(version);
          continue;
        }
        // Weights may lie in files beside model.onnx.
        for (const file of files.sort()) marks.push(await markOf(join(folder, version, file)));
        versions.push(version);
      } catch (error) {
        problem = `its version ${version} cannot be read (${codeOf(error)})`;
        marks.push(problem);
      }
    }
  } catch (error) {
    problem = await problemOf(folder, codeOf(error));
    if (problem === undefined) return undefined;
    marks.push(problem);
  }
  const isPipeline = versions.length === 0 && problem === undefined && (await hasSteps(folder));
  if (isPipeline) {
    marks.push(await markOf(join(folder, ensembleFile)), ...emptyVersions);
    versions.push(...(emptyVersions.length > 0 ? emptyVersions : ['1']));
  }
  if (versions.length > 0) problem = undefined;
  else if (problem === undefined) return undefined;
  versions.sort((one, other) => Number(BigInt(other) - BigInt(one)));
  return { name, folder, versions, fingerprint: marks.join('\n'), problem, isPipeline };
}

/** Whether a folder without a model.onnx is a pipeline; a load finds out whether it can be used. */
async function hasSteps(folder: string): Promise<boolean> {
  const text = await ifThere(readFile(join(folder, 'model.json'), 'utf8')).catch(() => undefined);
  return text === undefined ? (await readEnsemble(folder).catch(() => undefined)) !== undefined : /"steps"/.test(text);
}

/** What model.json says; all defaults where there is none. */
export async function readManifest(folder: string): Promise<ManifestFile | PipelineFile> {
  const file = join(folder, 'model.json');
  const text = await ifThere(readFile(file, 'utf8'));
  if (text !== undefined) return parseModelFile(parseJson(text, file), file);
  const ensemble = await readEnsemble(folder);
  if (ensemble === undefined) return parseModelFile({}, file);
  const source = join(folder, ensembleFile);
  return parseModelFile(fromTritonConfig(parseTextConfig(ensemble, source)), source);
}

const ensembleFile = 'config.pbtxt';

/** Triton's file of an ensemble; undefined where there is none. Other models' is not read. */
async function readEnsemble(folder: string): Promise<string | undefined> {
  const text = await ifThere(readFile(join(folder, ensembleFile), 'utf8'));
  return text !== undefined && /^\s*platform\s*:\s*["']ensemble["']/m.test(text) ? text : undefined;
}

/** The versions that the policy serves, newest first. */
export function versionsServed(policy: ManifestFile['versions'], versions: readonly string[]): readonly string[] {
  if (policy === 'all') return versions;
  if ('latest' in policy) return versions.slice(0, policy.latest);
  return versions.filter((version) => policy.only.includes(version));
}

/** A name goes into paths, labels and logs: letters, digits, dot, dash and underscore. */
export function isModelName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name);
}

/** Whatever keeps a file from being looked at is a mark too: it changes when the file can be. */
async function markOf(file: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(file);
    return `${file} ${size} ${mtimeMs} ${ino}`;
  } catch (error) {
    return `${file} ${codeOf(error)}`;
  }
}

/** Why an entry cannot be read as a folder; undefined where there is no such entry. */
async function problemOf(folder: string, code: string): Promise<string | undefined> {
  const entry = await lstat(folder).catch(() => undefined);
  if (!entry || entry.isFile()) return undefined;
  if (!entry.isSymbolicLink()) return `its folder cannot be read (${code})`;
  return code === 'ENOENT'
    ? 'it is a link that leads nowhere'
    : `it is a link to what cannot be read as a folder (${code})`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServiceError(
      'invalid_model',
      say`Cannot use ${ours(file)}: it is not JSON (${(cause as Error).message}).`,
      {
        cause,
      },
    );
  }
}
