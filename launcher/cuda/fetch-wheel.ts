import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadFailed, downloadSmall, downloadVerified } from '../../src/download.ts';
import { ifThere } from '../../src/if-there.ts';
import { syncToDisk } from '../../src/sync-to-disk.ts';
import { StackFailure } from '../stack-failure.ts';
import type { Wheel } from './wheels.ts';

export type FetchContext = {
  /** A simple index of Python packages, PyPI's or a mirror's. */
  readonly index: string;
  /** Where downloads lie until they are unpacked. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
};

const indexBytesMax = 64 * 1024 ** 2;
const silentMsMax = 30_000;

/**
 * Downloads a wheel whose hash is known; what an earlier run left goes on. Answers the file, which
 * is right.
 */
export async function fetchWheel(wheel: Wheel, context: FetchContext): Promise<string> {
  const { folder, signal, onBytes } = context;
  const file = join(folder, wheel.file);
  if (await ifThere(stat(file))) return file;
  const part = `${file}.part`;
  try {
    await downloadVerified({
      url: await addressOf(wheel, context),
      to: part,
      sha256: wheel.sha256,
      wrongHash: (found) =>
        new DownloadFailed('refused', `its SHA-256 is ${found}, not ${wheel.sha256}`, remedyForOther),
      bytesMax: wheel.sizeBytes,
      tooLargeRemedy: remedyForOther,
      silentMsMax,
      signal,
      begins: (_total, had) => onBytes(had),
      onBytes,
    });
  } catch (error) {
    if (!(error instanceof DownloadFailed)) throw error;
    const remedy = error.kind === 'refused' ? error.remedy : 'run it again, which goes on where it stopped';
    throw new StackFailure(`Cannot get ${wheel.file}: ${error.message}; ${remedy}.`, { cause: error });
  }
  await rename(part, file);
  await syncToDisk(folder);
  return file;
}

const remedyForOther = 'name another index in PIP_INDEX_URL: this one has another file';

/** Where the index has the file: as JSON or, of older mirrors, as HTML. */
async function addressOf(wheel: Wheel, { index, signal }: FetchContext): Promise<string> {
  const url = `${index.replace(/\/+$/, '')}/${wheel.project}/`;
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new StackFailure('Cannot get CUDA: the index of packages is no https address; correct PIP_INDEX_URL.');
  const headers = { Accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5' };
  const page = (await downloadSmall({ url, bytesMax: indexBytesMax, silentMsMax, signal, headers }))?.toString('utf8');
  const found = page && (fromJson(page, wheel.file) ?? fromHtml(page, wheel.file));
  if (!found)
    throw new StackFailure(
      `Cannot get CUDA: ${new URL(url).host} has no ${wheel.file}; set PIP_INDEX_URL to an index that has it.`,
    );
  const address = new URL(found, url);
  address.hash = '';
  return address.href;
}

function fromJson(page: string, file: string): string | undefined {
  if (!page.trimStart().startsWith('{')) return undefined;
  try {
    const { files = [] } = JSON.parse(page) as { files?: { filename?: string; url?: string }[] };
    return files.find(({ filename }) => filename === file)?.url;
  } catch {
    return undefined;
  }
}

function fromHtml(page: string, file: string): string | undefined {
  for (const [, href] of page.matchAll(/<a\s[^>]*href="([^"]+)"/gi)) {
    const url = href!.replaceAll('&amp;', '&');
    if (decodeURIComponent(url.split(/[?#]/)[0]!).split('/').at(-1) === file) return url;
  }
  return undefined;
}
