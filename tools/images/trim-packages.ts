import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// Run while the image is built: removes from node_modules what no program reads at run time.
// Usage: node trim-packages.ts <node_modules>

const [modules = 'node_modules'] = process.argv.slice(2);

// Node itself: the image has its own.
for (const name of readdirSync(modules)) if (/^node-(bin-)?(linux|darwin)-/.test(name)) remove(name);
// npm's record of the installation differs with npm's version.
remove('.package-lock.json');
remove('.bin');
// Libraries of ONNX Runtime for other systems, 290 MB.
const libraries = 'onnxruntime-node/bin/napi-v6';
for (const system of readdirSync(join(modules, libraries))) if (system !== process.platform) remove(libraries, system);
for (const processor of readdirSync(join(modules, libraries, process.platform)))
  if (processor !== process.arch) remove(libraries, process.platform, processor);
// koffi's sources: its library is a package of its own.
for (const folder of ['src', 'vendor', 'doc']) remove('koffi', folder);
// zod's sources and their tests stand beside what is run.
remove('zod', 'src');
// swagger-ui-dist: the page takes the plain bundle, not the one for other bundlers.
for (const file of ['swagger-ui-es-bundle.js', 'swagger-ui-es-bundle-core.js', 'swagger-ui.js'])
  remove('swagger-ui-dist', file);
removeDocuments(modules);

function remove(...path: readonly string[]): void {
  rmSync(join(modules, ...path), { recursive: true, force: true });
}

/** Source maps, types and read-me files; licences stay, because they have to go with the code. */
function removeDocuments(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name === '@types') rmSync(path, { recursive: true });
      else removeDocuments(path);
    } else if (/\.(map|d\.[cm]?ts|tsbuildinfo|markdown)$/i.test(entry.name) || isReadme(entry.name, path)) rmSync(path);
  }
}

function isReadme(name: string, path: string): boolean {
  return /^(readme|changelog|history)(\.md)?$/i.test(name) && !/licen[cs]e/i.test(readFileSync(path, 'utf8'));
}
