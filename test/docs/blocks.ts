import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A fenced block of a page: its language, the HTML comment above, and its text. */
export type Block = { page: string; line: number; language: string; words: string; text: string };

/**
 * The pages that people follow: README, the guide, how to contribute, how to run it on Kubernetes.
 * Runbooks have tests of their own.
 */
export function guideBlocks(): Block[] {
  const guide = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const pages = ['README.md', 'CONTRIBUTING.md', 'deploy/kubernetes/README.md', ...guide.toSorted()];
  return pages.flatMap((page) => blocksOf(page, readFileSync(join(root, page), 'utf8')));
}

export function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { block: Block; indent: string } | undefined;
  let mark = '';
  for (const [at, line] of text.split('\n').entries()) {
    const [, indent = '', language = ''] = /^( *)```(\w*)$/.exec(line) ?? [undefined];
    if (!/^ *```/.test(line)) {
      if (open) open.block.text += `${line.slice(open.indent.length)}\n`;
      else mark = /^ *<!-- (.*) -->$/.exec(line)?.[1] ?? '';
      continue;
    }
    if (open) {
      blocks.push(open.block);
      open = undefined;
    } else open = { block: { page, line: at + 1, language, words: mark, text: '' }, indent };
    mark = '';
  }
  return blocks;
}
