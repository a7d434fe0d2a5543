import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');

/**
 * What each folder of src may import beside itself and what is for everyone. Types count. The
 * longest prefix decides.
 */
const mayImport: Record<string, readonly string[]> = {
  'src/telemetry': [],
  'src/telemetry/export': ['src/telemetry/host', 'src/resilience', 'src/tls'],
  'src/telemetry/host': ['src/threads'],
  'src/settings': [],
  'src/tls': [],
  'src/v8': [],
  'src/resilience': [],
  'src/sqlite': [],
  'src/s3': [],
  'src/postgres': ['src/resilience'],
  'src/threads': ['src/resilience'],
  'src/audio': [],
  'src/pictures': [],
  'src/engine': ['src/audio', 'src/pictures', 'src/threads', 'src/resilience', 'src/s3', 'src/sqlite'],
  'src/observe': ['src/engine', 'src/resilience', 'src/telemetry/host'],
  'src/tasks': ['src/audio', 'src/pictures', 'src/observe', 'src/engine', 'src/threads', 'src/resilience'],
  'src/jobs': [
    'src/tasks',
    'src/observe',
    'src/engine',
    'src/sqlite',
    'src/postgres',
    'src/s3',
    'src/threads',
    'src/resilience',
  ],
  'src/datasets': ['src/tasks', 'src/observe', 'src/engine', 'src/resilience'],
  'src/processes': ['src/http', 'src/threads', 'src/resilience', 'src/engine'],
  'src/http': ['src/tls', 'src/observe', 'src/engine', 'src/threads', 'src/resilience'],
  'src/stores': [],
  'src/api': [
    'src/tls',
    'src/stores',
    'src/http',
    'src/processes',
    'src/jobs',
    'src/tasks',
    'src/observe',
    'src/engine',
    'src/postgres',
    'src/threads',
    'src/resilience',
    'src/telemetry/host',
  ],
  'src/receiver': ['src/http', 'src/observe', 'src/sqlite', 'src/postgres', 'src/resilience'],
};

/**
 * The files at the top of src that start a process or mount routes: they may import everything, and
 * nobody imports them.
 */
const entries = ['main.ts', 'service.ts', 'receiver.ts', 'dataset.ts', 'app.ts'].map((name) => `src/${name}`);

/**
 * What each folder may import without a word above: the files at the top of src, and the top of
 * src/telemetry.
 */
const forEveryone = [/^src\/[a-z-]+\.ts$/, /^src\/settings\//, /^src\/v8\//, /^src\/telemetry\/(names\/)?[a-z-]+\.ts$/];

/** One home for each big dependency; types count here too. */
const homes: Record<string, RegExp> = {
  express: /^src\/(api\/|http\/|app\.ts|receiver)/,
  'onnxruntime-node': /^src\/engine\/lanes\//,
  winston: /^src\/telemetry\/logger\.ts/,
  pg: /^src\/postgres\//,
  '@aws-sdk/client-s3': /^src\/s3\//,
  koffi: /^src\/telemetry\/host\/gpu\/nvml\.ts/,
};

/** To go while the house is rebuilt: each of them is a step that is still open. */
const notYet: readonly RegExp[] = [];

type Source = { readonly file: string; readonly imports: readonly string[]; readonly packages: readonly string[] };

describe('imports', () => {
  let sources: readonly Source[];

  before(async () => {
    sources = await readSources();
  });

  it('go from api to jobs, tasks, observe, engine and resilience, never back', () => {
    const wrong = sources.flatMap(({ file, imports }) => {
      if (entries.includes(file)) return [];
      const home = folderOf(file);
      return imports
        .filter((target) => entries.includes(target) || !isAllowed(home, file, target))
        .map((target) => `${file} imports ${target}`);
    });
    assert.deepEqual(
      wrong.filter((one) => !notYet.some((pattern) => pattern.test(one))),
      [],
    );
  });

  it('know every folder', () => {
    const unknown = sources
      .filter(({ file }) => file.split('/').length > 2 && !isForEveryone(file) && folderOf(file) === undefined)
      .map(({ file }) => file);
    assert.deepEqual(unknown, []);
  });

  it('make no circle', () => {
    const found = circles(new Map(sources.map(({ file, imports }) => [file, imports])));
    assert.deepEqual(
      found.filter((files) => !files.includes('src/engine/registry/shape-bounds.ts')),
      [],
    );
  });

  it('of src reach nothing outside it but the versions of the package', () => {
    const outside = sources.flatMap(({ file, imports }) =>
      imports.filter((target) => !target.startsWith('src/')).map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(outside, []);
  });

  it('keep each big dependency in its home', () => {
    const wrong = sources.flatMap(({ file, packages }) =>
      packages.filter((name) => homes[name] && !homes[name].test(file)).map((name) => `${file} imports ${name}`),
    );
    assert.deepEqual(wrong, []);
  });
});

function isAllowed(home: string | undefined, file: string, target: string): boolean {
  if (isForEveryone(target)) return true;
  // A file at the top of src is for everyone: it may only import its like.
  if (file.split('/').length === 2 || home === undefined) return false;
  const targetHome = folderOf(target);
  return targetHome === home || (targetHome !== undefined && (mayImport[home] ?? []).includes(targetHome));
}

function isForEveryone(file: string): boolean {
  return !entries.includes(file) && forEveryone.some((pattern) => pattern.test(file));
}

function folderOf(file: string): string | undefined {
  return Object.keys(mayImport)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** The strongly connected components of more than one file (Tarjan). */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const members = stack.splice(stack.indexOf(file));
    if (members.length > 1) found.push(members.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

async function readSources(): Promise<Source[]> {
  const names = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
  return Promise.all(
    names.map(async (name) => {
      const file = `src/${name}`;
      const text = await readFile(join(root, file), 'utf8');
      const from = [
        ...text.matchAll(/^(?:import|export)\b[^'";]*?\bfrom ['"]([^'"]+)['"]/gms),
        ...text.matchAll(/^import ['"]([^'"]+)['"]/gms),
        ...text.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g),
      ].map((found) => found[1]!);
      return {
        file,
        imports: from
          .filter((target) => target.startsWith('.'))
          .map((target) => relative(root, normalize(join(root, dirname(file), target)))),
        packages: from.filter((target) => !target.startsWith('.')),
      };
    }),
  );
}
