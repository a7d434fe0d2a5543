import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, stop } from 'esbuild';

const sources = join(import.meta.dirname, '../web');

if (import.meta.main) await buildPage();

/**
 * Bundles the page from web/ into web/dist, where the service reads it: page.html, and assets named
 * by their content. The new page.html replaces the old one in one step, and only then are older
 * assets removed.
 */
export async function buildPage(): Promise<void> {
  const folder = join(sources, 'dist');
  const assets = join(folder, 'assets');
  await mkdir(assets, { recursive: true });
  let html = await readFile(join(sources, 'page.html'), 'utf8');
  const names: string[] = [];
  for (const { path, contents } of await bundle()) {
    const named = basename(path);
    const [, name, ending] = /^(main|page)-\w+\.(\w+)$/.exec(named) ?? [];
    html = html.replaceAll(`/assets/${name}.${ending}`, `/assets/${named}`);
    names.push(named);
    await replaceFile(join(assets, named), contents);
  }
  await replaceFile(join(folder, 'page.html'), html);
  for (const old of await readdir(assets))
    if (!names.includes(old) && !old.endsWith('.part')) await rm(join(assets, old), { force: true });
}

/** esbuild runs in a process of its own, which ends with this. */
async function bundle() {
  try {
    const { outputFiles } = await build({
      entryPoints: [join(sources, 'main.ts'), join(sources, 'page.css')],
      outdir: '/assets',
      entryNames: '[name]-[hash]',
      chunkNames: '[name]-[hash]',
      bundle: true,
      // What a view alone needs is loaded when the view is opened.
      splitting: true,
      minify: true,
      write: false,
      format: 'esm',
      target: ['chrome120', 'firefox121', 'safari17'],
      legalComments: 'none',
      logLevel: 'silent',
    });
    return outputFiles;
  } finally {
    await stop();
  }
}

/** Two builds at once write the same file whole. */
async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, content);
  await rename(part, file);
}
