/** LogQL as far as pages, rules and people here use it; what is beyond is thrown as a sentence. */

export type Matcher = { name: string; op: '=' | '!=' | '=~' | '!~'; value: string };

export type Condition =
  | { kind: 'compare'; name: string; op: '=' | '!=' | '=~' | '!~' | '>' | '>=' | '<' | '<='; value: string }
  | { kind: 'and' | 'or'; parts: readonly Condition[] };

export type LineFilter = { kind: 'line'; op: '|=' | '!=' | '|~' | '!~'; value: string };

export type Lines = { matchers: readonly Matcher[]; filters: readonly (Condition | LineFilter)[] };

/** `sum by (…) (rate({…} | … [5m]))`, perhaps compared to a number. */
export type LineMetric = {
  lines: Lines;
  by: readonly string[];
  calculation: 'count_over_time' | 'rate';
  windowSeconds: number;
  offsetSeconds: number;
  compare: { op: string; value: number } | undefined;
  /** Only so many of the largest, or smallest. */
  limit: { which: 'topk' | 'bottomk'; count: number } | undefined;
};

export class BeyondLogql extends Error {}

/** A query for lines, or for numbers of lines. */
export function readLogql(query: string): { lines: Lines } | { metric: LineMetric } {
  const tokens = new Tokens(query);
  const read = tokens.peek() === '{' ? { lines: readLines(tokens) } : { metric: readMetric(tokens) };
  if (tokens.peek() !== undefined) throw new BeyondLogql(`it goes on with ${tokens.peek()}`);
  return read;
}

function readMetric(tokens: Tokens): LineMetric {
  const outer = tokens.next();
  if (outer === 'topk' || outer === 'bottomk') {
    tokens.expect('(');
    const count = Number(tokens.next());
    tokens.expect(',');
    const inner = readMetric(tokens);
    tokens.expect(')');
    return { ...inner, limit: { which: outer, count } };
  }
  if (outer !== 'sum') {
    if (outer === 'count_over_time' || outer === 'rate')
      throw new BeyondLogql(`it adds nothing up: put sum by (…) around it`);
    throw new BeyondLogql(`it knows sum, topk and bottomk of count_over_time and rate, not ${outer}`);
  }
  let by = tokens.peek() === 'by' ? readBy(tokens) : undefined;
  tokens.expect('(');
  const calculation = tokens.next();
  if (calculation !== 'count_over_time' && calculation !== 'rate')
    throw new BeyondLogql(`it counts lines with count_over_time and rate, not ${calculation}`);
  tokens.expect('(');
  const lines = readLines(tokens);
  const window = tokens.next();
  const windowSeconds = secondsOf(/^\[\s*(\S+?)\s*\]$/.exec(window ?? '')?.[1]);
  let offsetSeconds = 0;
  if (tokens.peek() === 'offset') {
    tokens.next();
    offsetSeconds = secondsOf(tokens.next());
  }
  tokens.expect(')');
  tokens.expect(')');
  if (tokens.peek() === 'by') by = readBy(tokens);
  return {
    lines,
    by: by ?? [],
    calculation,
    windowSeconds,
    offsetSeconds,
    compare: readCompare(tokens),
    limit: undefined,
  };
}

function readCompare(tokens: Tokens): LineMetric['compare'] {
  const op = tokens.peek();
  if (op === undefined || !/^(?:>=?|<=?|==|!=)$/.test(op)) return undefined;
  tokens.next();
  const value = Number(tokens.next());
  if (!Number.isFinite(value)) throw new BeyondLogql('it compares to something that is not a number');
  return { op, value };
}

function readBy(tokens: Tokens): string[] {
  tokens.expect('by');
  tokens.expect('(');
  const labels: string[] = [];
  for (let token = tokens.next(); token !== ')'; token = tokens.next()) {
    if (token === undefined) throw new BeyondLogql('a bracket is not closed');
    if (token !== ',') labels.push(token);
  }
  return labels;
}

function readLines(tokens: Tokens): Lines {
  tokens.expect('{');
  const matchers: Matcher[] = [];
  for (let name = tokens.next(); name !== '}'; name = tokens.next()) {
    if (name === undefined) throw new BeyondLogql('a brace is not closed');
    if (name === ',') continue;
    const op = tokens.next();
    if (op !== '=' && op !== '!=' && op !== '=~' && op !== '!~') throw new BeyondLogql(`${op} matches no label`);
    matchers.push({ name, op, value: textOf(tokens.next()) });
  }
  const filters: (Condition | LineFilter)[] = [];
  for (;;) {
    const op = tokens.peek();
    if (op === '|=' || op === '!=' || op === '|~' || op === '!~') {
      tokens.next();
      filters.push({ kind: 'line', op, value: textOf(tokens.next()) });
    } else if (op === '|') {
      tokens.next();
      const stage = tokens.peek() ?? '';
      if (
        /^(?:json|logfmt|pattern|regexp|unpack|line_format|label_format|decolorize|drop|keep|unwrap|distinct)$/.test(
          stage,
        )
      )
        throw new BeyondLogql(`it filters lines by their labels and text, and does not know the stage ${stage}`);
      filters.push(readOr(tokens));
    } else return { matchers, filters };
  }
}

function readOr(tokens: Tokens): Condition {
  const parts = [readAnd(tokens)];
  while (tokens.peek() === 'or') {
    tokens.next();
    parts.push(readAnd(tokens));
  }
  return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
}

function readAnd(tokens: Tokens): Condition {
  const parts = [readCondition(tokens)];
  while (tokens.peek() === 'and' || tokens.peek() === ',') {
    tokens.next();
    parts.push(readCondition(tokens));
  }
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
}

function readCondition(tokens: Tokens): Condition {
  if (tokens.peek() === '(') {
    tokens.next();
    const inside = readOr(tokens);
    tokens.expect(')');
    return inside;
  }
  const name = tokens.next() ?? '';
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new BeyondLogql(`${name} is no label`);
  const op = tokens.next() ?? '';
  const value = tokens.next() ?? '';
  const isText = /^["`]/.test(value);
  if (op === '==' && !isText) return { kind: 'compare', name, op: '=', value };
  if (!/^(?:=|!=|=~|!~|>=?|<=?)$/.test(op)) throw new BeyondLogql(`${op} compares no label`);
  return {
    kind: 'compare',
    name,
    op: op as Extract<Condition, { kind: 'compare' }>['op'],
    value: isText ? textOf(value) : value,
  };
}

class Tokens {
  readonly #tokens: string[];
  #at = 0;

  constructor(query: string) {
    const token = /\s+|"(?:[^"\\]|\\.)*"|`[^`]*`|\[[^\]]*\]|\|=|\|~|!=|!~|=~|==|>=|<=|[A-Za-z_]\w*|-?\d[\w.]*|./gs;
    this.#tokens = (query.match(token) ?? []).filter((text) => text.trim() !== '');
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  next(): string | undefined {
    return this.#tokens[this.#at++];
  }

  expect(text: string): void {
    const found = this.next();
    if (found !== text)
      throw new BeyondLogql(found === undefined ? `${text} is missing` : `${found} is where ${text} should be`);
  }
}

/** The text between quotes, as Go reads it. */
function textOf(token: string | undefined): string {
  if (token?.startsWith('`')) return token.slice(1, -1);
  if (token === undefined || !/^".*"$/s.test(token)) throw new BeyondLogql(`${token} is no quoted text`);
  return token
    .slice(1, -1)
    .replaceAll(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)/gis, (_, code: string) => escapes[code] ?? codeOf(code));
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"' };

function codeOf(code: string): string {
  return /^[xu]./.test(code) ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : code;
}

const units: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

function secondsOf(duration: string | undefined): number {
  const parts = [...(duration ?? '').matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
  if (duration === undefined || parts.length === 0 || parts.map(([part]) => part).join('') !== duration)
    throw new BeyondLogql(`${duration} is no duration`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
}
