import { ours, say } from '../../sentence.ts';
import { asJson, cannotAnswer, type Dialect, type Get } from './dialect.ts';
import { BeyondTraceql, type Literal, readTraceql, type SpanTest } from './read-traceql.ts';

/**
 * Jaeger. It searches by service, operation, tags that are equal, and duration; what TraceQL asks
 * beyond these is looked for in the traces that it finds, the newest of them.
 */
export const jaegerSearch: Dialect = async ({ path, parameters }, get) => {
  const traceId = /^\/api\/v2\/traces\/([0-9a-f]{32})$/.exec(path)?.[1];
  if (traceId !== undefined) return await traceById(traceId, get);
  try {
    return await search(parameters, get);
  } catch (error) {
    if (error instanceof BeyondTraceql) throw cannotAnswer(ours('Jaeger'), say`${error.message}`);
    throw error;
  }
};

async function traceById(traceId: string, get: Get): Promise<Buffer> {
  const found = await get(`/api/v3/traces/${traceId}`);
  const { result } = JSON.parse(found.toString('utf8')) as { result?: unknown };
  return asJson({ trace: result ?? {} });
}

type Tag = { key: string; value: unknown };
type Span = {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: { refType: string; spanID: string }[];
  /** Microseconds, as is the duration. */
  startTime: number;
  duration: number;
  tags?: Tag[];
  processID: string;
};
type Trace = { traceID: string; spans: Span[]; processes: Record<string, { serviceName: string; tags?: Tag[] }> };

/** Traces that are looked through at most for what Jaeger itself does not search by. */
const depthMax = 200;
/** Without a service in the query, each service is asked. */
const servicesMax = 16;

async function search(parameters: URLSearchParams, get: Get): Promise<Buffer> {
  const { test, selected } = readTraceql(parameters.get('q') ?? '{}');
  const limit = Number(parameters.get('limit') ?? 20);
  const spansPerTrace = Number(parameters.get('spss') ?? 3);
  const now = Date.now() / 1000;
  const start = Number(parameters.get('start') ?? now - 3600);
  const end = Number(parameters.get('end') ?? now);
  if (test !== undefined) checkExpressions(test);
  const pushed = pushDown(test);
  const depth = pushed.isWhole ? limit : Math.max(limit, depthMax);
  const services = pushed.service === undefined ? await allServices(get) : [pushed.service];
  const answers = await Promise.all(
    services.map(async (service) => {
      const asked = new URLSearchParams({
        service,
        start: `${start}000000`,
        end: `${end}000000`,
        limit: String(depth),
      });
      if (pushed.operation !== undefined) asked.set('operation', pushed.operation);
      if (pushed.minSeconds !== undefined) asked.set('minDuration', `${Math.floor(pushed.minSeconds * 1e6)}us`);
      if (pushed.maxSeconds !== undefined) asked.set('maxDuration', `${Math.ceil(pushed.maxSeconds * 1e6)}us`);
      if (Object.keys(pushed.tags).length > 0) asked.set('tags', JSON.stringify(pushed.tags));
      const { data } = JSON.parse((await get('/api/traces', asked)).toString('utf8')) as { data: Trace[] | null };
      return data ?? [];
    }),
  );
  const unique = new Map(answers.flat().map((trace) => [trace.traceID, trace]));
  const fields = [...new Set([...selected, ...fieldsOf(test)])];
  const found = [...unique.values()]
    .map((trace) => foundTrace(trace, { test, fields, spansPerTrace }))
    .filter((one) => one !== undefined)
    .sort((a, b) => (BigInt(b.startTimeUnixNano) > BigInt(a.startTimeUnixNano) ? 1 : -1))
    .slice(0, limit);
  const isCut = !pushed.isWhole && answers.some(({ length }) => length >= depth) && found.length < limit;
  const warnings = isCut
    ? [
        `Jaeger does not search by all of this: the newest ${depth} traces of each service were looked through, and older ones were not.`,
      ]
    : [];
  return asJson({ traces: found, ...(warnings.length > 0 ? { warnings } : {}) });
}

async function allServices(get: Get): Promise<string[]> {
  const { data } = JSON.parse((await get('/api/services')).toString('utf8')) as { data: string[] | null };
  const services = (data ?? []).filter((name) => name !== 'jaeger');
  if (services.length > servicesMax)
    throw new BeyondTraceql(
      `it searches one service at a time, and there are ${services.length}: add resource.service.name = "…"`,
    );
  return services;
}

type PushDown = {
  service: string | undefined;
  operation: string | undefined;
  minSeconds: number | undefined;
  maxSeconds: number | undefined;
  tags: Record<string, string>;
  /** Whether Jaeger searches by the whole query; each trace is looked through all the same. */
  isWhole: boolean;
};

/** What Jaeger searches by itself: of conditions that must all hold, those that it knows. */
function pushDown(test: SpanTest | undefined): PushDown {
  const pushed: PushDown = {
    ...{ service: undefined, operation: undefined, minSeconds: undefined, maxSeconds: undefined },
    ...{ tags: {}, isWhole: true },
  };
  const parts = test === undefined ? [] : test.kind === 'and' ? test.parts : [test];
  for (const part of parts) if (!pushOne(part, pushed)) pushed.isWhole = false;
  // Jaeger finds a trace whose spans fulfil them together; TraceQL wants one span that fulfils all.
  const ofSpan = parts.filter((part) => part.kind !== 'compare' || part.field !== 'resource.service.name');
  if (ofSpan.length > 1) pushed.isWhole = false;
  return pushed;
}

function pushOne(test: SpanTest, pushed: PushDown): boolean {
  if (test.kind !== 'compare') return false;
  const { field, op, value } = test;
  if (field === 'duration' && typeof value === 'number') {
    if (op === '>' || op === '>=') pushed.minSeconds = Math.max(pushed.minSeconds ?? 0, value);
    else if (op === '<' || op === '<=') pushed.maxSeconds = Math.min(pushed.maxSeconds ?? value, value);
    else return false;
    return true;
  }
  if (op !== '=' || value === null) return false;
  if (field === 'resource.service.name') pushed.service = String(value);
  else if (field === 'name') pushed.operation = String(value);
  else if (field === 'kind') pushed.tags['span.kind'] = String(value);
  else if (field === 'status' && value === 'error') pushed.tags.error = 'true';
  else if (field.startsWith('span.')) pushed.tags[field.slice('span.'.length)] = String(value);
  else return false;
  return true;
}

function foundTrace(
  trace: Trace,
  { test, fields, spansPerTrace }: { test: SpanTest | undefined; fields: readonly string[]; spansPerTrace: number },
) {
  const fieldOf = (span: Span, field: string) => fieldIn(trace, span, field);
  const matching = trace.spans.filter((span) => test === undefined || holds(test, (field) => fieldOf(span, field)));
  if (matching.length === 0) return undefined;
  const root = rootOf(trace);
  const start = Math.min(...trace.spans.map(({ startTime }) => startTime));
  const end = Math.max(...trace.spans.map(({ startTime, duration }) => startTime + duration));
  return {
    traceID: trace.traceID.padStart(32, '0'),
    rootServiceName: trace.processes[root.processID]?.serviceName ?? '',
    rootTraceName: root.operationName,
    startTimeUnixNano: `${start}000`,
    durationMs: Math.round((end - start) / 1000),
    spanSets: [
      {
        matched: matching.length,
        spans: matching.slice(0, spansPerTrace).map((span) => ({
          spanID: span.spanID,
          name: span.operationName,
          startTimeUnixNano: `${span.startTime}000`,
          durationNanos: `${span.duration}000`,
          attributes: fields
            .filter((field) => /^(?:span|resource)\.|^\./.test(field))
            .map((field) => ({ key: field.replace(/^(?:span|resource)?\./, ''), value: fieldOf(span, field) }))
            .filter(({ value }) => value !== undefined)
            .map(({ key, value }) => ({ key, value: { stringValue: String(value) } })),
        })),
      },
    ],
  };
}

function rootOf({ spans }: Trace): Span {
  const ids = new Set(spans.map(({ spanID }) => spanID));
  const isRoot = ({ references = [] }: Span) =>
    !references.some(({ refType, spanID }) => refType === 'CHILD_OF' && ids.has(spanID));
  return spans.filter(isRoot).sort((a, b) => a.startTime - b.startTime)[0] ?? spans[0]!;
}

function fieldIn(trace: Trace, span: Span, field: string): unknown {
  const tag = (tags: Tag[] | undefined, key: string) => tags?.find((one) => one.key === key)?.value;
  const process = trace.processes[span.processID];
  const ofResource = (key: string) => (key === 'service.name' ? process?.serviceName : tag(process?.tags, key));
  switch (field) {
    case 'name':
      return span.operationName;
    case 'duration':
      return span.duration / 1e6;
    case 'kind':
      return tag(span.tags, 'span.kind') ?? 'internal';
    case 'status':
      if (tag(span.tags, 'error') === true) return 'error';
      return tag(span.tags, 'otel.status_code') === 'OK' ? 'ok' : 'unset';
    case 'statusMessage':
      return tag(span.tags, 'otel.status_description');
    case 'rootName':
      return rootOf(trace).operationName;
    case 'rootServiceName':
      return trace.processes[rootOf(trace).processID]?.serviceName;
    default: {
      const key = field.replace(/^(?:span|resource)?\./, '');
      if (field.startsWith('resource.')) return ofResource(key);
      return tag(span.tags, key) ?? (field.startsWith('.') ? ofResource(key) : undefined);
    }
  }
}

function holds(test: SpanTest, fieldOf: (field: string) => unknown): boolean {
  if (test.kind !== 'compare') {
    const holdsPart = (part: SpanTest) => holds(part, fieldOf);
    return test.kind === 'and' ? test.parts.every(holdsPart) : test.parts.some(holdsPart);
  }
  const { field, op, value } = test;
  return compares(fieldOf(field), op, value);
}

function compares(found: unknown, op: Extract<SpanTest, { kind: 'compare' }>['op'], value: Literal): boolean {
  if (value === null) return op === '=' ? found === undefined : found !== undefined;
  if (found === undefined) return false; // As in TraceQL: what is not there is not unequal either.
  switch (op) {
    case '=':
      return String(found) === String(value);
    case '!=':
      return String(found) !== String(value);
    case '=~':
      return fits(found, value);
    case '!~':
      return !fits(found, value);
    case '>':
      return Number(found) > Number(value);
    case '>=':
      return Number(found) >= Number(value);
    case '<':
      return Number(found) < Number(value);
    case '<=':
      return Number(found) <= Number(value);
  }
}

/** Matched here and not in Jaeger: an expression that could take forever is refused. */
function checkExpressions(test: SpanTest): void {
  if (test.kind !== 'compare') {
    for (const part of test.parts) checkExpressions(part);
    return;
  }
  if (test.op !== '=~' && test.op !== '!~') return;
  const expression = String(test.value);
  if (expression.length > 500 || /\)[*+?{]/.test(expression) || (expression.match(/[*+{]/g) ?? []).length > 8)
    throw new BeyondTraceql('it matches expressions of words, points, stars and bars, without a repeated bracket');
  try {
    new RegExp(expression);
  } catch {
    throw new BeyondTraceql('it cannot read the expression');
  }
}

function fits(found: unknown, value: Literal): boolean {
  return new RegExp(`^(?:${value})$`).test(String(found).slice(0, 1000));
}

function fieldsOf(test: SpanTest | undefined): string[] {
  if (test === undefined) return [];
  return test.kind === 'compare' ? [test.field] : test.parts.flatMap(fieldsOf);
}
