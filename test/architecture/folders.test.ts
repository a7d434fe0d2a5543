import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

describe('folders', () => {
  it('are made by src/make-folder.ts, which keeps what a failing disk answered', async () => {
    const wrong: string[] = [];
    for (const part of ['src', 'launcher', 'cli'])
      for (const name of await readdir(join(root, part), { recursive: true })) {
        if (!name.endsWith('.ts')) continue;
        const text = await readFile(join(root, part, name), 'utf8');
        if (/\bmkdir(Sync)?\([^;]*recursive/.test(text)) wrong.push(`${part}/${name}`);
      }
    assert.deepEqual(wrong, []);
  });
});
