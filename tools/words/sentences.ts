/**
 * The sentences of a paragraph. A colon or a semicolon ends one: what follows can be read by
 * itself.
 */
export function sentences(paragraph: string): string[] {
  return paragraph
    .replace(/\s+/g, ' ')
    .split(/(?<=[.;:!?…)])\s+(?=\S)/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
}

export function wordCount(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/**
 * The paragraphs, list items and table cells of a Markdown file, without its code, with the line
 * each begins at.
 */
export function textsOfMarkdown(source: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  let inCode = false;
  const close = () => {
    if (open) found.push(open);
    open = undefined;
  };
  for (const [index, raw] of source.split('\n').entries()) {
    const line = index + 1;
    if (/^\s*(```|~~~)/.test(raw)) inCode = !inCode;
    if (inCode || /^\s*(```|~~~|<|$)/.test(raw)) {
      close();
      continue;
    }
    if (/^\s*\|/.test(raw)) {
      close();
      for (const cell of raw.split(/(?<!\\)\|/)) found.push({ line, text: plain(cell) });
      continue;
    }
    if (/^\s*([-*]|\d+\.|#+|>)\s/.test(raw)) close();
    const text = plain(raw.replace(/^\s*([-*]|\d+\.|#+|>)\s+/, ''));
    open = open ? { line: open.line, text: `${open.text} ${text}` } : { line, text };
  }
  close();
  return found;
}

/** Without code, links' addresses and emphasis: what is read. Code counts as one word. */
function plain(markdown: string): string {
  return markdown
    .replace(/`[^`]*`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/[[\]*_]/g, '');
}
