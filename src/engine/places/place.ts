import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

/** One of the places that VITRINE_MODELS names. */
export type Place = FolderPlace | S3Place | ArchivePlace;

type FolderPlace = { readonly kind: 'folder'; readonly title: string; readonly folder: string };
export type S3Place = { readonly kind: 's3'; readonly title: string; readonly address: string };
export type ArchivePlace = {
  readonly kind: 'https';
  /** Without what may be a secret: queries sign addresses. */
  readonly title: string;
  readonly url: string;
  readonly sha256: string;
  /** In base64, where the address has it; else it lies beside the archive. */
  readonly signature: string | undefined;
  readonly form: ArchiveForm;
};
export type ArchiveForm = 'tar.gz' | 'tar' | 'zip';

/** The places in their order: the first that has a model serves it. */
export function placesOf(models: string): Place[] {
  const texts = textsOf(models);
  if (texts.length === 0) throw refused('VITRINE_MODELS', 'it names no place', 'name a folder');
  const places = texts.map(placeOf);
  for (const [at, { title }] of places.entries())
    if (places.findIndex((other) => other.title === title) < at)
      throw refused(title, 'VITRINE_MODELS names it twice', 'name it once');
  return places;
}

/** The same setting with its folders as seen from a folder. */
export function placesFrom(root: string, models: string): string {
  return placesOf(models)
    .map((place, at) => (place.kind === 'folder' ? written(resolve(root, place.folder)) : textsOf(models)[at]))
    .join(',');
}

/** A folder as the setting takes it. */
export function written(folder: string): string {
  return folder.includes(',') ? pathToFileURL(folder).href.replaceAll(',', '%2C') : folder;
}

function placeOf(text: string): Place {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'folder', title: text, folder: text };
  switch (scheme) {
    case 'file':
      return folderOf(text);
    case 's3':
      return s3Of(text);
    case 'https':
      return archiveOf(text);
    default:
      throw refused(
        `${scheme}://…`,
        'it is none of the places that models may come from',
        'give a folder, s3://bucket/prefix or https://host/models.tar.gz#sha256=…',
      );
  }
}

function textsOf(models: string): string[] {
  return models
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

function folderOf(text: string): FolderPlace {
  try {
    const folder = fileURLToPath(text);
    return { kind: 'folder', title: folder, folder };
  } catch {
    throw refused(text, 'it is no path', 'write file:///folder');
  }
}

function s3Of(text: string): S3Place {
  const url = urlOf(text);
  if (!url?.hostname || url.search !== '' || url.hash !== '' || url.username !== '')
    throw refused(
      's3://…',
      'it is no bucket and prefix',
      'write s3://bucket/prefix; credentials come from AWS_ACCESS_KEY_ID',
    );
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  return { kind: 's3', title: `s3://${url.hostname}${prefix === '' ? '' : `/${prefix}`}`, address: text };
}

function archiveOf(text: string): ArchivePlace {
  const url = urlOf(text);
  if (!url) throw refused('https://…', 'it is no address', 'write https://host/models.tar.gz#sha256=…');
  const title = `https://${url.host}${url.pathname}`;
  if (url.username !== '' || url.password !== '')
    throw refused(title, 'it has a password, which would be shown', 'use an address that is signed by its query');
  const form = (
    [
      ['tar.gz', /\.(tar\.gz|tgz)$/i],
      ['tar', /\.tar$/i],
      ['zip', /\.zip$/i],
    ] as const
  ).find(([, ending]) => ending.test(url.pathname))?.[0];
  if (!form) throw refused(title, 'it is no archive that can be read', 'give a .tar.gz, .tgz, .tar or .zip');
  const terms = new URLSearchParams(url.hash.slice(1).replaceAll('+', '%2B'));
  const sha256 = terms.get('sha256')?.toLowerCase() ?? '';
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw refused(
      title,
      'it has no SHA-256',
      'write #sha256= and the 64 digits that sha256sum prints behind the address',
    );
  url.hash = '';
  return { kind: 'https', title, url: url.href, sha256, signature: terms.get('signature') ?? undefined, form };
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function refused(place: string, state: string, remedy: string): ServiceError {
  return new ServiceError(
    'invalid_setting',
    say`Cannot take models from ${ours(place)}: ${ours(state)}; ${ours(remedy)} (VITRINE_MODELS).`,
  );
}
