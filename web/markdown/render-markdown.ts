import { type Child, element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';

/**
 * Markdown as our runbooks and text panels use it: headings, paragraphs, lists, tables, code, and
 * inside of lines code, strong, emphasis and links. Anything else stays the text that it is.
 * `linkTo` says where a link may lead; one that may not is shown as its words. `beneathCode` may add
 * something to a block of code.
 */
export function renderMarkdown(
  text: string,
  linkTo: (url: string) => string | undefined,
  beneathCode: (language: string, code: string) => HTMLElement | undefined = () => undefined,
): HTMLElement {
  return element('div', { class: 'prose' }, new MarkdownReader(text, linkTo, beneathCode).blocks());
}

class MarkdownReader {
  readonly #lines: readonly string[];
  readonly #linkTo: (url: string) => string | undefined;
  readonly #beneathCode: (language: string, code: string) => HTMLElement | undefined;
  #at = 0;

  constructor(
    text: string,
    linkTo: (url: string) => string | undefined,
    beneathCode: (language: string, code: string) => HTMLElement | undefined,
  ) {
    this.#beneathCode = beneathCode;
    this.#lines = text.replaceAll('\r', '').split('\n');
    this.#linkTo = linkTo;
  }

  blocks(): HTMLElement[] {
    const blocks: HTMLElement[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at]!;
      if (line.trim() === '' || /^<!--/.test(line)) this.#at += 1;
      else if (line.startsWith('```')) blocks.push(...this.#code());
      else if (/^#{1,6} /.test(line)) blocks.push(this.#heading());
      else if (/^\s*([-*]|\d+[.)]) /.test(line)) blocks.push(this.#list());
      else if (line.startsWith('|')) blocks.push(this.#table());
      else if (line.startsWith('> ')) blocks.push(this.#quote());
      else blocks.push(this.#paragraph());
    }
    return blocks;
  }

  #code(): HTMLElement[] {
    const language = this.#lines[this.#at]!.slice(3).trim();
    const end = this.#lines.findIndex((line, index) => index > this.#at && line.startsWith('```'));
    const inner = this.#lines.slice(this.#at + 1, end < 0 ? undefined : end).join('\n');
    this.#at = end < 0 ? this.#lines.length : end + 1;
    const beneath = this.#beneathCode(language, inner);
    return [element('pre', { tabindex: 0 }, element('code', {}, inner)), ...(beneath ? [beneath] : [])];
  }

  #heading(): HTMLElement {
    const [, marks = '', words = ''] = /^(#{1,6}) (.*)$/.exec(this.#lines[this.#at++]!) ?? [];
    // The view has the first heading.
    const tag = (['h2', 'h3', 'h4'] as const)[Math.min(2, Math.max(0, marks.length - 1))]!;
    return element(tag, {}, this.#inline(words));
  }

  #list(): HTMLElement {
    const ordered = /^\s*\d/.test(this.#lines[this.#at]!);
    const items: string[] = [];
    for (; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#lines[this.#at]!;
      const item = /^\s*(?:[-*]|\d+[.)]) (.*)$/.exec(line);
      if (item) items.push(item[1]!);
      else if (line.trim() !== '' && /^\s{2,}/.test(line) && items.length > 0)
        items.push(`${items.pop()} ${line.trim()}`);
      else break;
    }
    return element(
      ordered ? 'ol' : 'ul',
      {},
      items.map((item) => element('li', {}, this.#inline(item))),
    );
  }

  #table(): HTMLElement {
    const rows: string[][] = [];
    for (; this.#at < this.#lines.length && this.#lines[this.#at]!.startsWith('|'); this.#at += 1)
      rows.push(
        this.#lines[this.#at]!.replace(/^\||\|\s*$/g, '')
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim().replaceAll('\\|', '|')),
      );
    const [head = [], ...body] = rows.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
    return scrollRegion(
      'Table',
      gridTable(
        head.map((cell) => columnHead(this.#inline(cell))),
        body.map((row) =>
          element(
            'tr',
            {},
            row.map((cell) => element('td', {}, this.#inline(cell))),
          ),
        ),
      ),
    );
  }

  #quote(): HTMLElement {
    const words: string[] = [];
    for (; this.#at < this.#lines.length && this.#lines[this.#at]!.startsWith('>'); this.#at += 1)
      words.push(this.#lines[this.#at]!.replace(/^> ?/, ''));
    return element('blockquote', {}, this.#inline(words.join(' ')));
  }

  #paragraph(): HTMLElement {
    const words: string[] = [];
    for (
      ;
      this.#at < this.#lines.length &&
      this.#lines[this.#at]!.trim() !== '' &&
      !/^(```|#{1,6} |\||> |\s*[-*] )/.test(this.#lines[this.#at]!);
      this.#at += 1
    )
      words.push(this.#lines[this.#at]!.trim());
    if (words.length === 0) words.push(this.#lines[this.#at++]!);
    return element('p', {}, this.#inline(words.join(' ')));
  }

  #inline(text: string): Child[] {
    return inline(text, this.#linkTo);
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
