import { ours, say } from '../../sentence.ts';
import { asJson, cannotAnswer, type Dialect, type Get } from './dialect.ts';
import { BeyondLogql, type Condition, type LineFilter, type LineMetric, type Lines, readLogql } from './read-logql.ts';

/**
 * VictoriaLogs. LogQL’s queries for lines and for numbers of lines become LogsQL; the names of
 * fields are the same, because the Collector gives both stores the same ones.
 */
export const logsql: Dialect = async ({ path, parameters }, get) => {
  try {
    const label = /^\/loki\/api\/v1\/label\/(\w+)\/values$/.exec(path)?.[1];
    if (label !== undefined) return await labelValues(label, parameters, get);
    const read = readLogql(parameters.get('query') ?? '');
    const isRange = path.endsWith('/query_range');
    if ('lines' in read) return await findLines(read.lines, parameters, get);
    return isRange ? await countOverTime(read.metric, parameters, get) : await countNow(read.metric, parameters, get);
  } catch (error) {
    if (error instanceof BeyondLogql) throw cannotAnswer(ours('VictoriaLogs'), say`${error.message}`);
    throw error;
  }
};

/** LogQL as LogsQL: the filter, and for numbers the pipes behind it. For rules of vmalert. */
export function asLogsql(logql: string): string {
  const read = readLogql(logql);
  if ('lines' in read) return filterOf(read.lines);
  const { lines, windowSeconds, compare } = read.metric;
  const kept = compare ? ` | filter value:${signs[compare.op] ?? compare.op}${compare.value}` : '';
  return `_time:${windowSeconds}s ${filterOf(lines)} | ${statsOf(read.metric)}${kept}`;
}

const signs: Readonly<Record<string, string>> = { '==': '=' };

async function findLines(lines: Lines, parameters: URLSearchParams, get: Get): Promise<Buffer> {
  const limit = Number(parameters.get('limit') ?? 100);
  const order = parameters.get('direction') === 'forward' ? '_time' : '_time desc';
  const { start, end } = rangeOf(parameters);
  const found = await get(
    '/select/logsql/query',
    new URLSearchParams({ query: `${filterOf(lines)} | sort by (${order}) limit ${limit}`, start, end }),
  );
  const result = found
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => asStream(JSON.parse(line) as Record<string, string>));
  return asJson({ status: 'success', data: { resultType: 'streams', result } });
}

/** What VictoriaLogs itself calls a line’s time and text; its other own fields begin alike. */
const [timeField, textField] = ['_time', '_msg'];

/** A line as Loki answers it: its fields are labels, but for VictoriaLogs’ own. */
function asStream(fields: Record<string, string>) {
  const labels = Object.entries(fields).filter(([name]) => !name.startsWith('_'));
  const stream = Object.fromEntries(labels.map(([name, value]) => [name.replaceAll('.', '_'), value]));
  return { stream, values: [[nanosecondsOf(fields[timeField] ?? ''), fields[textField] ?? '']] };
}

/** RFC 3339 with up to nine digits of a second, as nanoseconds. */
function nanosecondsOf(time: string): string {
  const [, whole = '', fraction = '', zone = 'Z'] = /^([^.Z+]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(time) ?? [];
  return `${Math.floor(Date.parse(`${whole}${zone}`) / 1000)}${fraction.padEnd(9, '0').slice(0, 9)}`;
}

async function countNow(metric: LineMetric, parameters: URLSearchParams, get: Get): Promise<Buffer> {
  const at = secondsIn(parameters.get('time')) ?? Date.now() / 1000;
  const end = at - metric.offsetSeconds;
  const rows = await countedBy(metric, { start: end - metric.windowSeconds, end }, get);
  const result = limited(
    rows.map(({ labels, count }) => ({
      metric: labels,
      value: [at, String(perWindow(metric, count))] as [number, string],
    })),
    metric,
    ({ value }) => Number(value[1]),
  );
  return asJson({ status: 'success', data: { resultType: 'vector', result } });
}

async function countedBy(metric: LineMetric, { start, end }: { start: number; end: number }, get: Get) {
  const found = await get(
    '/select/logsql/stats_query',
    new URLSearchParams({
      query: `${filterOf(metric.lines)} | ${statsOf(metric)}`,
      start: String(start),
      end: String(end),
      time: String(end),
    }),
  );
  const { data } = JSON.parse(found.toString('utf8')) as {
    data: { result: { metric: Labels; value: [number, string] }[] };
  };
  return data.result.map(({ metric: labels, value }) => ({ labels: withoutName(labels), count: Number(value[1]) }));
}

type Labels = Record<string, string>;

/** More points than this, of all buckets, are refused: a longer window or step has fewer. */
const bucketsMax = 11_000;

/** Windows may overlap: lines are counted in pieces that both window and step are made of. */
async function countOverTime(metric: LineMetric, parameters: URLSearchParams, get: Get): Promise<Buffer> {
  const start = secondsIn(parameters.get('start'))!;
  const end = secondsIn(parameters.get('end'))!;
  const step = secondsOfStep(parameters.get('step'), start, end);
  const window = Math.max(1, Math.round(metric.windowSeconds));
  const piece = commonDivisor(window, step);
  const from = start - metric.offsetSeconds - window;
  const to = end - metric.offsetSeconds;
  if ((to - from) / piece > bucketsMax)
    throw new BeyondLogql(
      `it would count in ${Math.ceil((to - from) / piece)} pieces of ${piece} s; take a step that the window is a multiple of`,
    );
  const found = await get(
    '/select/logsql/stats_query_range',
    new URLSearchParams({
      query: `${filterOf(metric.lines)} | ${statsOf(metric)}`,
      start: String(from),
      end: String(to),
      step: `${piece}s`,
      // Its pieces begin at whole multiples of the step, less the offset.
      offset: `${(piece - (from % piece)) % piece}s`,
    }),
  );
  const { data } = JSON.parse(found.toString('utf8')) as {
    data: { result: { metric: Labels; values: [number, string][] }[] };
  };
  const result = data.result.map(({ metric: labels, values }) => {
    const counts = new Map(values.map(([at, count]) => [Math.round((at - from) / piece), Number(count)]));
    const points: [number, string][] = [];
    for (let at = start; at <= end; at += step) {
      const last = Math.round((at - start + window) / piece);
      let count = 0;
      for (let place = last - window / piece; place < last; place += 1) count += counts.get(place) ?? 0;
      if (count > 0) points.push([at, String(perWindow(metric, count))]);
    }
    return { metric: withoutName(labels), values: points };
  });
  return asJson({
    status: 'success',
    data: { resultType: 'matrix', result: limited(result, metric, ({ values }) => Number(values.at(-1)?.[1] ?? 0)) },
  });
}

async function labelValues(label: string, parameters: URLSearchParams, get: Get): Promise<Buffer> {
  const read = readLogql(parameters.get('query') ?? '{}');
  const lines = 'lines' in read ? read.lines : read.metric.lines;
  const { start, end } = rangeOf(parameters);
  const found = await get(
    '/select/logsql/field_values',
    new URLSearchParams({ query: filterOf(lines), field: label, start, end, limit: '1000' }),
  );
  const { values } = JSON.parse(found.toString('utf8')) as { values: { value: string }[] };
  return asJson({ status: 'success', data: values.map(({ value }) => value).sort() });
}

/** Fields that make a stream in VictoriaLogs (otel-collector/backends/victorialogs.yaml). */
const streamFields = new Set(['service_name', 'service_namespace', 'deployment_environment_name', 'log_stream']);

function filterOf({ matchers, filters }: Lines): string {
  const ofStream = matchers.filter(({ name }) => streamFields.has(name));
  const others = matchers.filter(({ name }) => !streamFields.has(name));
  const selector = ofStream.map(({ name, op, value }) => `${name}${op}${quoted(value)}`).join(',');
  const parts = [
    `{${selector}}`,
    ...others.map((matcher) => comparison({ kind: 'compare', ...matcher })),
    ...filters.map((filter) => (filter.kind === 'line' ? lineFilter(filter) : condition(filter))),
  ];
  return parts.filter((part) => part !== '{}').join(' ') || '*';
}

function condition(of: Condition): string {
  if (of.kind === 'compare') return comparison(of);
  return `(${of.parts.map(condition).join(` ${of.kind} `)})`;
}

function comparison({ name, op, value }: Extract<Condition, { kind: 'compare' }>): string {
  switch (op) {
    case '=':
      return `${name}:=${quoted(value)}`;
    case '!=':
      return value === '' ? `${name}:*` : `!${name}:=${quoted(value)}`;
    case '=~':
      return `${name}:~${quoted(`^(?:${value})$`)}`;
    case '!~':
      return `!${name}:~${quoted(`^(?:${value})$`)}`;
    default:
      return `${name}:${op}${value}`;
  }
}

function lineFilter({ op, value }: LineFilter): string {
  const expression = op === '|=' || op === '!=' ? value.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&') : value;
  return `${op.startsWith('!') ? '!' : ''}_msg:~${quoted(expression)}`;
}

function statsOf({ by }: LineMetric): string {
  return `stats ${by.length > 0 ? `by (${by.join(', ')}) ` : ''}count() as value`;
}

function perWindow({ calculation, windowSeconds, compare }: LineMetric, count: number): number {
  if (compare) throw new BeyondLogql('it compares numbers in rules only');
  return calculation === 'rate' ? count / windowSeconds : count;
}

function limited<Row>(rows: Row[], { limit }: LineMetric, numberOf: (row: Row) => number): Row[] {
  if (!limit) return rows;
  const sign = limit.which === 'topk' ? -1 : 1;
  return rows.toSorted((a, b) => sign * (numberOf(a) - numberOf(b))).slice(0, limit.count);
}

/** A field that a line does not have is an empty label there, and none in Loki. */
function withoutName(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name, value]) => name !== '__name__' && value !== ''));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function rangeOf(parameters: URLSearchParams): { start: string; end: string } {
  const now = Date.now() / 1000;
  return {
    start: String(parameters.get('start') ?? now - 3600),
    end: String(parameters.get('end') ?? now),
  };
}

/** Seconds, nanoseconds or RFC 3339, as seconds. */
function secondsIn(moment: string | null): number | undefined {
  if (moment === null) return undefined;
  if (moment.includes('-')) return Date.parse(moment) / 1000;
  return moment.length > 13 && !moment.includes('.') ? Number(BigInt(moment) / 1_000_000n) / 1000 : Number(moment);
}

function secondsOfStep(step: string | null, start: number, end: number): number {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(step ?? '') ?? [];
  const seconds = Number(count ?? 0) * { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }[unit]!;
  return seconds > 0 ? Math.max(1, Math.round(seconds)) : Math.max(1, Math.ceil((end - start) / 250));
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
