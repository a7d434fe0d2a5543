import { asJson, type Dialect } from './dialect.ts';

/**
 * VictoriaMetrics. It speaks Prometheus’ API and nearly all of PromQL; what differs are native
 * histograms, which it stores as buckets with the label vmrange, and exemplars, which it does not
 * store.
 */
export const metricsql: Dialect = async ({ path, parameters }, get) => {
  if (path === '/api/v1/query_exemplars') return asJson({ status: 'success', data: [], infos: [noExemplars] });
  const asked = new URLSearchParams(parameters);
  const query = asked.get('query');
  if (query !== null) asked.set('query', asMetricsql(query));
  return get(path, asked);
};

/** Shown where a panel has dots of traces on Prometheus. */
export const noExemplars =
  'VictoriaMetrics stores no exemplars; a value’s link searches the traces of its time instead.';

/**
 * PromQL with each percentile of a native histogram in MetricsQL: its buckets are series with the
 * label vmrange, and increase() counts a bucket’s first values, which rate() would miss.
 */
export function asMetricsql(promql: string): string {
  // Text is passed over: a label's value may look like a call.
  const called = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\bhistogram_quantile\s*\(/g;
  let written = '';
  let at = 0;
  for (let found = called.exec(promql); found !== null; found = called.exec(promql)) {
    if (!found[0].startsWith('h')) continue;
    const start = found.index + found[0].length;
    const end = endOfBrackets(promql, start);
    const inside = promql.slice(start, end);
    written += promql.slice(at, start) + (isClassic(inside) ? inside : ofRanges(inside));
    at = end;
    called.lastIndex = end;
  }
  return written + promql.slice(at);
}

function isClassic(inside: string): boolean {
  return /_bucket\b/.test(inside) || /\ble\b/.test(inside);
}

const grouping = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const words = new Set([...grouping, 'offset', 'bool', 'and', 'or', 'unless', 'inf', 'nan', 'start', 'end']);
const perSecond: Readonly<Record<string, string>> = { rate: 'increase', irate: 'increase' };

function ofRanges(promql: string): string {
  const token =
    /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\{|\}|\[[^\]]*\]|\$\{?\w+(?::\w+)?\}?|[A-Za-z_:][\w:]*|\d[\w.]*|./gs;
  let written = '';
  let inBraces = false;
  for (let found = token.exec(promql); found !== null; found = token.exec(promql)) {
    const [text] = found;
    const rest = promql.slice(token.lastIndex);
    if (text === '{') inBraces = true;
    else if (text === '}') inBraces = false;
    if (inBraces || !/^[A-Za-z_:]/.test(text)) written += text;
    else if (grouping.has(text) && /^\s*\(/.test(rest)) {
      const close = promql.indexOf(')', token.lastIndex);
      const list = promql.slice(promql.indexOf('(', token.lastIndex) + 1, close).trim();
      written += `${text} (${text === 'by' ? [list, 'vmrange'].filter((label) => label !== '').join(', ') : list})`;
      token.lastIndex = close + 1;
    } else if (/^\s*\(/.test(rest))
      written += isUngroupedSum(text, rest) ? `${text} by (vmrange) ` : (perSecond[text] ?? text);
    else if (words.has(text) || /^\s*(?:by|without)\b/.test(rest)) written += text;
    else written += `${text}_bucket`;
  }
  return written;
}

function isUngroupedSum(text: string, rest: string): boolean {
  if (text !== 'sum') return false;
  const open = rest.indexOf('(') + 1;
  return !/^\)\s*(?:by|without)\b/.test(rest.slice(endOfBrackets(rest, open)));
}

/** Where the bracket that is open at `start` closes; the end of the text where it does not. */
function endOfBrackets(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '"' || character === "'" || character === '`') {
      at = endOfText(text, at);
    } else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return text.length;
}

function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\' && text[start] !== '`') at += 1;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}
