import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attributeNames } from '../../src/telemetry/names/names.ts';

const source = join(import.meta.dirname, '../../src');
const names = new Set<string>(Object.values(attributeNames).map(({ name }) => name));
/**
 * The first words of the table's names: what begins with one is an attribute, or looks like one.
 */
const firstWords = new Set([...names].filter((name) => name.includes('.')).map((name) => name.split('.')[0]!));

/** To go: two files that are being rewritten. */
const notYet: readonly string[] = [];

describe('attribute keys', () => {
  it('come from the table of names: no key of an object is spelt out elsewhere', async () => {
    const found: string[] = [];
    for (const name of await readdir(source, { recursive: true })) {
      if (!name.endsWith('.ts') || name.startsWith('telemetry/names/') || notYet.includes(name)) continue;
      const text = await readFile(join(source, name), 'utf8');
      for (const [, key = ''] of text.matchAll(/['"]([a-z_]+(?:\.[a-z_]+)+)['"]\]?\s*:/g))
        if (firstWords.has(key.split('.')[0]!)) found.push(`${name}: ${key}`);
      for (const [, key = ''] of text.matchAll(/\[['"]([a-z_]+(?:\.[a-z_]+)+)['"]\]/g))
        if (names.has(key)) found.push(`${name}: ${key}`);
    }
    assert.deepEqual(found, []);
  });

  it('are spelt once in the table', () => {
    assert.equal(names.size, Object.keys(attributeNames).length);
  });
});
