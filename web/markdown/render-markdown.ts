import { type Child, element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';

/**
 * Markdown as our runbooks and text panels use it: headings, paragraphs, lists, tables, code, and inside of lines code, strong, emphasis and links. Anything
 * else stays the text that it is. `linkTo` says where a link may lead; one that may not is shown as its words.
 */
export function renderMarkdown(text: string, linkTo: (url: string) => string | undefined): HTMLElement {
  const lines = text.replaceAll('\r', '').split('\n');
  const blocks: HTMLElement[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (line.trim() === '' || /^<!--/.test(line)) at += 1;
    else if (line.startsWith('```')) blocks.push(code());
    else if (/^#{1,6} /.test(line)) blocks.push(heading());
    else if (/^\s*([-*]|\d+[.)]) /.test(line)) blocks.push(list());
    else if (line.startsWith('|')) blocks.push(table());
    else if (line.startsWith('> ')) blocks.push(quote());
    else blocks.push(paragraph());
  }
  return element('div', { class: 'prose' }, blocks);

  function code(): HTMLElement {
    const end = lines.findIndex((line, index) => index > at && line.startsWith('```'));
    const inner = lines.slice(at + 1, end < 0 ? undefined : end).join('\n');
    at = end < 0 ? lines.length : end + 1;
    return element('pre', { tabindex: 0 }, element('code', {}, inner));
  }

  function heading(): HTMLElement {
    const [, marks = '', words = ''] = /^(#{1,6}) (.*)$/.exec(lines[at++]!) ?? [];
    // The view has the first heading.
    const tag = (['h2', 'h3', 'h4'] as const)[Math.min(2, Math.max(0, marks.length - 1))]!;
    return element(tag, {}, inline(words, linkTo));
  }

  function list(): HTMLElement {
    const ordered = /^\s*\d/.test(lines[at]!);
    const items: string[] = [];
    for (; at < lines.length; at += 1) {
      const line = lines[at]!;
      const item = /^\s*(?:[-*]|\d+[.)]) (.*)$/.exec(line);
      if (item) items.push(item[1]!);
      else if (line.trim() !== '' && /^\s{2,}/.test(line) && items.length > 0)
        items.push(`${items.pop()} ${line.trim()}`);
      else break;
    }
    return element(
      ordered ? 'ol' : 'ul',
      {},
      items.map((item) => element('li', {}, inline(item, linkTo))),
    );
  }

  function table(): HTMLElement {
    const rows: string[][] = [];
    for (; at < lines.length && lines[at]!.startsWith('|'); at += 1)
      rows.push(
        lines[at]!.replace(/^\||\|\s*$/g, '')
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim().replaceAll('\\|', '|')),
      );
    const [head = [], ...body] = rows.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
    return scrollRegion(
      'Table',
      gridTable(
        head.map((cell) => columnHead(inline(cell, linkTo))),
        body.map((row) =>
          element(
            'tr',
            {},
            row.map((cell) => element('td', {}, inline(cell, linkTo))),
          ),
        ),
      ),
    );
  }

  function quote(): HTMLElement {
    const words: string[] = [];
    for (; at < lines.length && lines[at]!.startsWith('>'); at += 1) words.push(lines[at]!.replace(/^> ?/, ''));
    return element('blockquote', {}, inline(words.join(' '), linkTo));
  }

  function paragraph(): HTMLElement {
    const words: string[] = [];
    for (; at < lines.length && lines[at]!.trim() !== '' && !/^(```|#{1,6} |\||> |\s*[-*] )/.test(lines[at]!); at += 1)
      words.push(lines[at]!.trim());
    if (words.length === 0) words.push(lines[at++]!);
    return element('p', {}, inline(words.join(' '), linkTo));
  }
}

function inline(text: string, linkTo: (url: string) => string | undefined): Child[] {
  const parts: Child[] = [];
  let from = 0;
  for (const found of text.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)/g)) {
    parts.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [, code, strong, emphasis, words, url] = found;
    if (code !== undefined) parts.push(element('code', {}, code));
    else if (strong !== undefined) parts.push(element('strong', {}, inline(strong, linkTo)));
    else if (emphasis !== undefined) parts.push(element('em', {}, emphasis));
    else {
      const target = linkTo(url ?? '');
      parts.push(target === undefined ? words! : element('a', { href: target }, inline(words!, linkTo)));
    }
  }
  parts.push(text.slice(from));
  return parts;
}
