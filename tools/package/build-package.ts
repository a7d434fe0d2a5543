import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { buildPage } from '../build-page.ts';

// Run before `npm pack`: writes dist/, which is all of the package beside cli/vitrine.mjs.
// Node runs no TypeScript below node_modules: types are blanked out and files end in .js; lines
// stay. dist/ has what can be reached from the programs, and the files that they read.

const root = resolve(import.meta.dirname, '../..');
const target = join(root, 'dist');
const programs = ['cli/command-line.ts', 'src/main.ts', 'src/receiver.ts'];
/** What runs needs the tests, the sources or the Dockerfiles. */
const onlyInCheckout = ['cli/checkout-commands.ts', 'tools/build-page.ts'];
/** What the programs read: configuration, pinned modules, models, pages. */
const files = [
  'alertmanager/**/*',
  'docs/runbooks/*',
  'grafana/dashboards/*',
  'jaeger/**/*',
  'loki/**/*',
  'models/**/*',
  'otel-collector/**/*',
  'prometheus/{*.yaml,rules/*.yaml,server/*}',
  'tempo/**/*',
  'victorialogs/**/*',
  'victoriametrics/**/*',
  'web/dist/**/*',
];

await buildPage();
rmSync(target, { recursive: true, force: true });
const reached = reach(programs);
for (const file of reached) write(file.replace(/\.ts$/, '.js'), scriptOf(file));
for (const file of globSync(files, { cwd: root, withFileTypes: true }))
  if (file.isFile()) copy(join(file.parentPath, file.name).slice(root.length + 1));
const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
write('package.json', `${JSON.stringify({ name, version, license, type }, undefined, 2)}\n`);

/** The files that these import, start in a thread or start in a process. */
function reach(from: readonly string[]): Set<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    open.push(...namedIn(file).filter((one) => !onlyInCheckout.includes(one)));
  }
  return found;
}

/** Only in what runs: a type that is imported is no file of the package. */
function namedIn(file: string): string[] {
  const here = dirname(file);
  return [...stripped(file).matchAll(/(['"])([\w./-]+\.ts)\1/g)]
    .map(([, , name = '']) => (name.startsWith('.') ? join(here, name) : name))
    .filter((path) => existsSync(join(root, path)));
}

function stripped(file: string): string {
  return stripTypeScriptTypes(readFileSync(join(root, file), 'utf8'));
}

/** With the names of files that are in the package under their new names. */
function scriptOf(file: string): string {
  return stripped(file).replace(/(['"])([\w./-]+)\.ts\1/g, (literal, quote, name) => {
    const path = name.startsWith('.') ? join(dirname(file), name) : name;
    return reached.has(`${path}.ts`) ? `${quote}${name}.js${quote}` : literal;
  });
}

function copy(path: string): void {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  cpSync(join(root, path), join(target, path));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  writeFileSync(join(target, path), text);
}
