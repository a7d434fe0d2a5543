import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blocksOf, guideBlocks, root } from './blocks.ts';

describe('the guide', () => {
  it('leaves no command in a block that is not run', async () => {
    const hidden = guideBlocks().filter(
      ({ language, text }) =>
        language === '' && /^\s*(\$ )?(curl|npm|npx|git|docker|kubectl|VITRINE_\w+=)\b/m.test(text),
    );
    assert.deepEqual(
      hidden.map(({ page, line }) => `${page}:${line}`),
      [],
    );
  });

  it('says of every block that is not run why', async () => {
    for (const { page, line, language, words } of guideBlocks()) {
      if (language !== 'sh' || words === '') continue;
      assert.match(words, /^example: .{10,}/, `${page}:${line}`);
    }
  });

  it('links to pages that there are', async () => {
    const pages = new Set(guideBlocks().map(({ page }) => page)).add('docs/README.md');
    const dead: string[] = [];
    for (const page of pages) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g))
        if (!existsSync(join(root, dirname(page), target!))) dead.push(`${page}: ${target}`);
    }
    assert.deepEqual(dead, []);
  });

  it('is read block by block, in lists too', () => {
    assert.deepEqual(blocksOf('p', 'a\n   <!-- example: b -->\n   ```sh\n   c\n     d\n   ```\n'), [
      { page: 'p', line: 3, language: 'sh', words: 'example: b', text: 'c\n  d\n' },
    ]);
  });
});
