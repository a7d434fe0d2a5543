/** A text in a source file: where it begins, and whether it is a comment or a string. */
export type Text = { readonly kind: 'comment' | 'string'; readonly line: number; readonly text: string };

/** All comments and strings of a TypeScript or JavaScript file. */
export function textsOfCode(source: string): Text[] {
  const found: Text[] = [];
  let line = 1;
  let before = '';
  // One entry for each `${` that is open: how many braces are open within.
  const templates: number[] = [];
  let at = 0;
  const take = (kind: Text['kind'], end: number): void => {
    const text = source.slice(at, end);
    found.push({ kind, line, text });
    line += text.split('\n').length - 1;
    at = end;
    if (kind === 'string') before = '"';
  };
  while (at < source.length) {
    const two = source.slice(at, at + 2);
    const one = source[at] ?? '';
    if (two === '//') take('comment', endOr(source, source.indexOf('\n', at)));
    else if (two === '/*') take('comment', endOr(source, source.indexOf('*/', at) + 2));
    else if (one === "'" || one === '"') take('string', endOfQuoted(source, at + 1, one));
    else if (one === '`' || (one === '}' && templates.at(-1) === 0)) {
      if (one === '}') templates.pop();
      const end = endOfTemplate(source, at + 1);
      if (source.startsWith('${', end - 2)) templates.push(0);
      take('string', end);
    } else if (one === '/' && /[(,=:[!&|?{};]|^$/.test(before)) {
      at = endOfRegex(source, at + 1);
      before = '/';
    } else {
      if (one === '\n') line += 1;
      if (templates.length > 0 && one === '{') templates[templates.length - 1]! += 1;
      if (templates.length > 0 && one === '}') templates[templates.length - 1]! -= 1;
      if (!/\s/.test(one)) before = one;
      at += 1;
    }
  }
  return found;
}

function endOr(source: string, end: number): number {
  return end < 1 ? source.length : end;
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from;
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfTemplate(source: string, from: number): number {
  let at = from;
  while (at < source.length && source[at] !== '`') {
    if (source.startsWith('${', at)) return at + 2;
    at += source[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}

function endOfRegex(source: string, from: number): number {
  let at = from;
  let inClass = false;
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '[') inClass = true;
    if (source[at] === ']') inClass = false;
    at += source[at] === '\\' ? 2 : 1;
  }
  return at + 1;
}
