import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { build, stop } from 'esbuild';

export type PageFile = { contentType: string; body: Buffer; gzipped: Buffer };
/** By path: `/` and its assets, whose names carry a hash of what is in them. */
export type Page = ReadonlyMap<string, PageFile>;

const sources = join(import.meta.dirname, '../../../web');

/**
 * Puts the page together from web/, in memory: nothing built lies about that could be stale, and it takes a tenth of a second. esbuild runs in a process
 * of its own, which ends with this.
 */
export async function makePage(): Promise<Page> {
  try {
    const { outputFiles } = await build({
      entryPoints: [join(sources, 'main.ts'), join(sources, 'page.css')],
      outdir: '/assets',
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      target: ['chrome120', 'firefox121', 'safari17'],
      legalComments: 'none',
      logLevel: 'silent',
    });
    const files = new Map<string, PageFile>();
    let html = await readFile(join(sources, 'page.html'), 'utf8');
    for (const { path, contents } of outputFiles) {
      const [name = '', ending = ''] = path.split('/').at(-1)!.split('.');
      const named = `/assets/${name}-${hash('sha256', contents, 'hex').slice(0, 12)}.${ending}`;
      html = html.replaceAll(`/assets/${name}.${ending}`, named);
      files.set(named, await asFile(contentTypes[ending]!, Buffer.from(contents)));
    }
    files.set('/', await asFile('text/html; charset=utf-8', Buffer.from(html)));
    return files;
  } finally {
    await stop();
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

const pack = promisify(gzip);

async function asFile(contentType: string, body: Buffer): Promise<PageFile> {
  return { contentType, body, gzipped: await pack(body, { level: 9 }) };
}
