import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { aliases } from '../../observability/aliases.ts';

// Holds telemetry that was captured (VITRINE_BACKENDS with `file`) against the registry.
// Usage: node tools/registry/check-telemetry.ts VITRINE_DATA/collector/files

const root = resolve(import.meta.dirname, '../..');

export type Registry = {
  /** The type of each attribute. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly metrics: ReadonlyMap<string, RegisteredMetric>;
  readonly spans: ReadonlyMap<string, readonly string[]>;
  readonly events: ReadonlySet<string>;
};

type RegisteredMetric = {
  readonly instrument: string;
  readonly unit: string;
  readonly exponential: boolean;
  readonly attributes: readonly string[];
  readonly required: readonly string[];
};

type Group = {
  type: string;
  name?: string;
  metric_name?: string;
  instrument?: string;
  unit?: string;
  annotations?: { name?: string; exponential?: boolean };
  attributes?: { id?: string; ref?: string; type?: string; requirement_level?: unknown }[];
};

export function readRegistry(): Registry {
  const groups = ['attributes', 'metrics', 'spans', 'events'].flatMap((name) => {
    const text = readFileSync(join(root, `telemetry/registry/${name}.yaml`), 'utf8');
    return (parse(text) as { groups: Group[] }).groups;
  });
  const of = (type: string) => groups.filter((group) => group.type === type);
  const refs = ({ attributes = [] }: Group) => attributes.map(({ ref = '' }) => ref);
  return {
    attributes: new Map(
      of('attribute_group').flatMap(({ attributes = [] }) =>
        attributes.map(({ id = '', type = '' }) => [id, type] as const),
      ),
    ),
    metrics: new Map(
      of('metric').map((group) => [
        group.metric_name ?? '',
        {
          instrument: group.instrument ?? '',
          unit: group.unit ?? '',
          exponential: group.annotations?.exponential === true,
          attributes: refs(group),
          required: (group.attributes ?? [])
            .filter(({ requirement_level: level }) => level === 'required')
            .map(({ ref = '' }) => ref),
        },
      ]),
    ),
    spans: new Map(of('span').map((group) => [group.annotations?.name ?? '', refs(group)])),
    events: new Set(of('event').map(({ name = '' }) => name)),
  };
}

type KeyValue = { key: string; value: Record<string, unknown> };
type Scoped = { scope?: { name?: string } };
type MetricRecord = {
  name: string;
  unit?: string;
  sum?: { isMonotonic?: boolean; dataPoints: Point[] };
  gauge?: { dataPoints: Point[] };
  histogram?: { dataPoints: Point[] };
  exponentialHistogram?: { dataPoints: Point[] };
};
type Point = { attributes?: KeyValue[] };
type SpanRecord = { name: string; attributes?: KeyValue[] };
type LogRecord = { eventName?: string; attributes?: KeyValue[] };
export type Line = {
  resourceMetrics?: { scopeMetrics?: (Scoped & { metrics?: MetricRecord[] })[] }[];
  resourceSpans?: { scopeSpans?: (Scoped & { spans?: SpanRecord[] })[] }[];
  resourceLogs?: { scopeLogs?: (Scoped & { logRecords?: LogRecord[] })[] }[];
};

/** Names that the Collector makes for dashboards of other systems: they are no names of ours. */
const ofOthers = new Set(aliases.map(({ name, convention }) => convention?.name ?? name.replace(/_total$/, '')));

/**
 * What is not as the registry says, each once. `pushed`: what scripts sent through the receiver.
 */
export function checkTelemetry(
  lines: Iterable<Line>,
  { registry = readRegistry(), pushed = [] }: { registry?: Registry; pushed?: readonly string[] } = {},
): string[] {
  const problems = new Set<string>();
  for (const line of lines) {
    for (const { scopeMetrics = [] } of line.resourceMetrics ?? [])
      for (const { metrics = [] } of scopeMetrics)
        for (const metric of metrics)
          if (!ofOthers.has(metric.name) && !pushed.includes(metric.name))
            for (const problem of problemsOfMetric(metric, registry)) problems.add(problem);
    for (const { scopeSpans = [] } of line.resourceSpans ?? [])
      for (const { spans = [] } of scopeSpans)
        for (const span of spans) for (const problem of problemsOfSpan(span, registry)) problems.add(problem);
    for (const { scopeLogs = [] } of line.resourceLogs ?? [])
      for (const { logRecords = [] } of scopeLogs)
        for (const record of logRecords) for (const problem of problemsOfLog(record, registry)) problems.add(problem);
  }
  return [...problems].sort();
}

function* problemsOfMetric(metric: MetricRecord, { metrics }: Registry): Generator<string> {
  const registered = metrics.get(metric.name);
  if (registered === undefined) {
    yield `metric ${metric.name} is not in the registry`;
    return;
  }
  const { instrument, unit, exponential } = registered;
  const shape = shapeOf(metric);
  const wanted = exponential ? 'exponential histogram' : instrument;
  if (shape.instrument !== wanted) yield `metric ${metric.name} is a ${shape.instrument}, not a ${wanted}`;
  if ((metric.unit || '1') !== unit) yield `metric ${metric.name} has the unit "${metric.unit}", not "${unit}"`;
  for (const { attributes = [] } of shape.points) {
    const keys = attributes.map(({ key }) => key);
    for (const key of keys)
      if (!registered.attributes.includes(key)) yield `metric ${metric.name} has the unknown attribute ${key}`;
    for (const key of registered.required)
      if (!keys.includes(key)) yield `metric ${metric.name} lacks the attribute ${key}`;
    for (const { key, value } of attributes)
      if (!('stringValue' in value)) yield `metric ${metric.name} has the attribute ${key} as ${Object.keys(value)}`;
  }
}

function shapeOf({ sum, gauge, histogram, exponentialHistogram }: MetricRecord) {
  if (sum) return { instrument: sum.isMonotonic ? 'counter' : 'updowncounter', points: sum.dataPoints };
  if (histogram) return { instrument: 'histogram', points: histogram.dataPoints };
  if (exponentialHistogram) return { instrument: 'exponential histogram', points: exponentialHistogram.dataPoints };
  return { instrument: 'gauge', points: gauge?.dataPoints ?? [] };
}

function* problemsOfSpan({ name, attributes = [] }: SpanRecord, registry: Registry): Generator<string> {
  // A request's span has its method and route for a name, a gRPC call's its service and method.
  const ofCall = /^[\w.]+\/\w+$/.test(name) ? '{service}/{method}' : '{method} {route}';
  const row = registry.spans.has(name) ? name : ofCall;
  if (row === '{method} {route}' && !/^[A-Z_]+ /.test(name)) yield `span ${name} is not in the registry`;
  const keys = attributes.map(({ key }) => key);
  for (const key of registry.spans.get(row) ?? []) if (!keys.includes(key)) yield `span ${row} lacks ${key}`;
  yield* problemsOfAttributes(`span ${row}`, attributes, registry);
}

function* problemsOfLog({ eventName = '', attributes = [] }: LogRecord, registry: Registry): Generator<string> {
  if (eventName === '') yield 'a log record has no event name';
  else if (!registry.events.has(eventName)) yield `event ${eventName} is not in the registry`;
  const event = attributes.find(({ key }) => key === 'event_type')?.value.stringValue;
  if (event !== eventName) yield `event ${eventName} has the event_type ${String(event)}`;
}

const typeOfValue: Readonly<Record<string, string>> = {
  stringValue: 'string',
  intValue: 'int',
  doubleValue: 'double',
  boolValue: 'boolean',
  arrayValue: 'string[]',
};

function* problemsOfAttributes(where: string, attributes: readonly KeyValue[], registry: Registry): Generator<string> {
  for (const { key, value } of attributes) {
    const wanted = registry.attributes.get(key);
    const found = typeOfValue[Object.keys(value)[0] ?? ''];
    if (wanted === undefined) yield `${where} has the unknown attribute ${key}`;
    // JavaScript has one kind of number: a double that is whole leaves as an int.
    else if (found !== wanted && !(wanted === 'double' && found === 'int'))
      yield `${where} has ${key} as ${found}, not ${wanted}`;
  }
}

/** What the file backend wrote. */
export function readCaptured(folder: string): Line[] {
  return ['metrics', 'traces', 'logs'].flatMap((signal) => {
    const text = readFileSync(join(folder, `${signal}.jsonl`), 'utf8');
    // The last line may still be on its way.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  if (folder === undefined)
    throw new Error('Usage: node tools/registry/check-telemetry.ts <folder of the file backend>');
  const lines = readCaptured(folder);
  const problems = checkTelemetry(lines);
  for (const problem of problems) console.error(problem);
  console.log(`${lines.length} exports were held against the registry: ${problems.length} problems.`);
  if (problems.length > 0) process.exitCode = 1;
}
