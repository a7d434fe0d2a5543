import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('Node', () => {
  const packages = Object.entries<string>(JSON.parse(read('package.json')).optionalDependencies);

  it('is one version on Linux and in the image', () => {
    const linux = packages.filter(([name]) => name.startsWith('node-linux-')).map(([, version]) => version);
    const images = [...read('Dockerfile').matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
    assert.equal(linux.length, 2);
    assert.ok(images.length > 0);
    assert.equal(new Set([...linux, ...images]).size, 1);
  });

  it('is 24 on every platform', () => {
    assert.deepEqual(
      packages.filter(([, version]) => !version.startsWith('24.')),
      [],
    );
  });
});

describe('support code', () => {
  const sources = globSync('{bench,cli,launcher,observability,src,testkit,tools,web}/**/*.{ts,mjs}', { cwd: root });

  it('is imported from testkit: nothing outside test imports what is in it', () => {
    assert.ok(sources.length > 300);
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith('test/'))
        .map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });
});

describe('a quick test', () => {
  const quick = globSync('test/**/*.test.ts', { cwd: root }).filter(
    (file) => !/\.(slow|stack|ground)\.test\.ts$/.test(file),
  );

  it('starts no process: no support code on its way imports what could', () => {
    assert.ok(quick.length > 50);
    const wrong = quick.flatMap((file) => {
      const way = wayTo('node:child_process', file);
      return way === undefined ? [] : [`${way.join(' imports ')}; rename it to *.slow.test.ts`];
    });
    assert.deepEqual(wrong, []);
  });
});

/** The files from `start` through test/ and testkit/ to the import of `wanted`. */
function wayTo(wanted: string, start: string, seen = new Set<string>()): string[] | undefined {
  seen.add(start);
  for (const target of importsOf(start)) {
    if (target === wanted) return [start, wanted];
    if (!/^test(kit)?\//.test(target) || seen.has(target)) continue;
    const way = wayTo(wanted, target, seen);
    if (way !== undefined) return [start, ...way];
  }
  return undefined;
}

function importsOf(file: string): string[] {
  return [...read(file).matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/gm)].map(
    ([, from, alone]) => {
      const name = from ?? alone ?? '';
      return name.startsWith('.') ? normalize(join(dirname(file), name)) : name;
    },
  );
}
