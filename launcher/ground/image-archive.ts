import { createHash } from 'node:crypto';
import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Of } from '../../src/hash-of-file.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { runCommand } from '../run-command.ts';
import { platform } from '../servers/releases.ts';

/** What an image says of itself, in the words of OCI. */
export type ImageConfig = {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Healthcheck?: object;
  readonly StopSignal?: string;
};

export type ImageLayer = {
  /** Everything below this folder that `only` or `except` leave, with its owners and modes. */
  readonly folder: string;
  readonly only?: readonly string[];
  readonly except?: readonly string[];
  readonly seconds: number;
};

export type ImageSpec = {
  readonly name: string;
  readonly layers: readonly ImageLayer[];
  readonly config: ImageConfig;
  readonly createdSeconds: number;
};

export type WrittenImage = {
  readonly name: string;
  readonly id: string;
  readonly file: string;
  readonly bytes: number;
};

/**
 * Writes an image as an archive for `docker load`, `ctr image import` and `podman load`. Names,
 * times and order are settled here, so the same files and config are the same bytes.
 */
export async function writeImage(spec: ImageSpec, file: string): Promise<WrittenImage> {
  const work = `${file}.parts`;
  await makeFolder(work);
  const layers = [];
  let bytes = 0;
  for (const [index, layer] of spec.layers.entries()) {
    const path = join(work, `layer-${index}.tar`);
    await writeLayer(layer, path);
    const digest = await sha256Of(path);
    bytes += (await stat(path)).size;
    await rename(path, join(work, `${digest}.tar`));
    layers.push(digest);
  }
  const text = JSON.stringify(imageDocument(spec, layers));
  const id = createHash('sha256').update(text).digest('hex');
  await writeFile(join(work, `${id}.json`), text);
  const names = layers.map((digest) => `${digest}.tar`);
  const manifest = [{ Config: `${id}.json`, RepoTags: [spec.name], Layers: names }];
  await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
  const order = [...new Set(['manifest.json', `${id}.json`, ...names])];
  await runCommand('tar', [
    ...sameBytes(spec.createdSeconds),
    '--mode=0644',
    '-C',
    work,
    '-cf',
    `${file}.new`,
    ...order,
  ]);
  await rename(`${file}.new`, file);
  await runCommand('rm', ['-rf', work]);
  return { name: spec.name, id: `sha256:${id}`, file, bytes };
}

/** The order, owners and times of a tar archive, instead of the moment's. */
export function sameBytes(seconds: number): string[] {
  return ['--sort=name', `--mtime=@${seconds}`, '--numeric-owner', '--format=gnu'];
}

async function writeLayer({ folder, only = ['.'], except = [], seconds }: ImageLayer, path: string): Promise<void> {
  const left = except.map((name) => `--exclude=./${name}`);
  await runCommand('tar', [...sameBytes(seconds), '--anchored', ...left, '-C', folder, '-cf', path, ...only]);
}

function imageDocument({ config, createdSeconds }: ImageSpec, layers: readonly string[]): object {
  const created = new Date(createdSeconds * 1000).toISOString();
  return {
    architecture: platform().arch,
    os: 'linux',
    created,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((digest) => `sha256:${digest}`) },
    history: layers.map(() => ({ created, created_by: 'vitrine images' })),
  };
}
