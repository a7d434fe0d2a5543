import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export type PageFile = { contentType: string; body: Buffer; gzipped: Buffer };
/** By path: `/` and its assets, whose names carry a hash of their content. */
export type Page = ReadonlyMap<string, PageFile>;

const built = join(import.meta.dirname, '../../../web/dist');

/** Reads the page that `npm run build:page` wrote. Undefined: it is not built. */
export async function readPage(folder = built): Promise<Page | undefined> {
  try {
    const files = new Map([['/', await readPageFile(join(folder, 'page.html'))]]);
    for (const name of await readdir(join(folder, 'assets')))
      if (extname(name) in contentTypes) files.set(`/assets/${name}`, await readPageFile(join(folder, 'assets', name)));
    return files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

const pack = promisify(gzip);

async function readPageFile(file: string): Promise<PageFile> {
  const body = await readFile(file);
  return { contentType: contentTypes[extname(file)]!, body, gzipped: await pack(body, { level: 9 }) };
}
