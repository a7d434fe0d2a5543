/** TraceQL with one set of spans: comparisons, `&&`, `||`, brackets, and `select`. */

export type Literal = string | number | boolean | null;

export type SpanTest =
  | { kind: 'compare'; field: string; op: '=' | '!=' | '>' | '>=' | '<' | '<=' | '=~' | '!~'; value: Literal }
  | { kind: 'and' | 'or'; parts: readonly SpanTest[] };

export type TraceQuery = { test: SpanTest | undefined; selected: readonly string[] };

export class BeyondTraceql extends Error {}

export function readTraceql(query: string): TraceQuery {
  const tokens = (query.match(token) ?? []).filter((text) => text.trim() !== '');
  let at = 0;
  const peek = () => tokens[at];
  const next = () => tokens[at++];
  const expect = (text: string) => {
    const found = next();
    if (found !== text)
      throw new BeyondTraceql(found === undefined ? `${text} is missing` : `${found} is where ${text} should be`);
  };

  const readOr = (): SpanTest => joined('or', '||', readAnd);
  const readAnd = (): SpanTest => joined('and', '&&', readOne);
  const joined = (kind: 'and' | 'or', sign: string, readPart: () => SpanTest): SpanTest => {
    const parts = [readPart()];
    while (peek() === sign) {
      next();
      parts.push(readPart());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const readOne = (): SpanTest => {
    if (peek() === '(') {
      next();
      const inside = readOr();
      expect(')');
      return inside;
    }
    const field = next() ?? '';
    if (
      !/^(?:(?:span|resource)\.|\.|(?:name|duration|status|kind|rootName|rootServiceName|statusMessage)$)/.test(field)
    )
      throw new BeyondTraceql(`${field} is no field of a span`);
    const op = next() ?? '';
    if (!/^(?:=|!=|>=?|<=?|=~|!~)$/.test(op)) throw new BeyondTraceql(`${op} compares no field`);
    return { kind: 'compare', field, op: op as Extract<SpanTest, { kind: 'compare' }>['op'], value: literalOf(next()) };
  };

  expect('{');
  const test = peek() === '}' ? undefined : readOr();
  expect('}');
  const selected: string[] = [];
  if (peek() === '|') {
    next();
    if (next() !== 'select') throw new BeyondTraceql('behind a set of spans it knows select only');
    expect('(');
    for (let field = next(); field !== ')'; field = next()) {
      if (field === undefined) throw new BeyondTraceql('a bracket is not closed');
      if (field !== ',') selected.push(field);
    }
  }
  if (peek() !== undefined)
    throw new BeyondTraceql(`it searches one set of spans, and not how sets stand to each other (${peek()})`);
  return { test, selected };
}

const token = /\s+|"(?:[^"\\]|\\.)*"|`[^`]*`|&&|\|\||=~|!~|!=|>=|<=|>>|<<|[A-Za-z_.][\w.:/-]*|-?\d[\w.]*|./gs;

function literalOf(text: string | undefined): Literal {
  if (text === undefined) throw new BeyondTraceql('a value is missing');
  if (text.startsWith('`')) return text.slice(1, -1);
  if (text.startsWith('"')) return text.slice(1, -1).replaceAll(/\\(.)/gs, '$1');
  if (text === 'nil') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  const seconds = durationSeconds(text);
  if (seconds !== undefined) return seconds;
  const number = Number(text);
  return Number.isNaN(number) ? text : number; // `server`, `error`: words of kind and status.
}

const units: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

function durationSeconds(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?(?:e-?\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
}
