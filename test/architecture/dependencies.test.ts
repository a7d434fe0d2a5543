import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('dependencies', () => {
  it('each have their reason in ARCHITECTURE.md, and none is named there that is not used', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const rows =
      read('ARCHITECTURE.md')
        .split('## Dependencies')[1]
        ?.matchAll(/^\| ([^|]+) \|/gm) ?? [];
    const named = [...rows]
      .slice(1)
      .flatMap(([, cell = '']) => [...cell.replaceAll(/\(.*?\)/g, '').matchAll(/(?:@[\w-]+\/)?[a-z][\w-]+/g)])
      .map(([name]) => name);
    const used = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !name.startsWith('@types/'));
    // Sisters stand behind the first of their scope without it.
    const isNamed = (name: string) => named.includes(name) || named.includes(name.replace(/^@opentelemetry\//, ''));
    assert.deepEqual(
      used.filter((name) => !isNamed(name)),
      [],
    );
    const all = [...used, ...Object.keys(optionalDependencies ?? {})];
    const words = ['and', 'with', 'its', 'sisters'];
    const isUsed = (name: string) =>
      all.includes(name) || all.includes(`@opentelemetry/${name}`) || words.includes(name);
    assert.deepEqual(
      named.filter((name) => !isUsed(name)),
      [],
    );
  });
});
