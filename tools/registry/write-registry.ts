import { stringify } from 'yaml';
import { attributeNames } from '../../src/telemetry/names/attributes.ts';
import { eventNames } from '../../src/telemetry/names/events.ts';
import { labelNames, leftOffWhereEmpty } from '../../src/telemetry/names/labels.ts';
import type { Metric } from '../../src/telemetry/names/metric.ts';
import { metricNames } from '../../src/telemetry/names/names.ts';
import { type Span, spanNames } from '../../src/telemetry/names/spans.ts';

// The table of names in the form that OpenTelemetry's weaver reads: a registry of semantic
// conventions. `npm run generate` writes it.

/** What a group is about; a metric belongs to the first whose pattern its name has. */
const subjects: readonly (readonly [subject: string, pattern: RegExp])[] = [
  ['batches', /^inference\.(batch|batches)/],
  ['queues', /^inference\.(queue|dropped)/],
  ['lanes', /^inference\.(lane|lanes|breaker)/],
  ['inference', /^(inference|model|models)\./],
  ['costs', /^cost\./],
  ['tasks', /^(audio|task|separation|generated|microstructure|quality)\./],
  ['jobs', /^jobs?(\.|$)/],
  ['gpus', /^hw\./],
  ['host', /^(system|process|nodejs|v8js)\./],
  ['telemetry', /^vitrine\.(telemetry|spool|trace)/],
  ['requests', /./],
];

export const registryFiles: Readonly<Record<string, () => string>> = {
  'telemetry/registry/registry_manifest.yaml': () =>
    file({
      name: 'vitrine',
      description: 'What Vitrine says of requests, batches, queues, lanes, tasks, jobs and costs.',
      semconv_version: '0.1.0',
      schema_base_url: 'https://vitrine.invalid/schemas',
    }),
  'telemetry/registry/attributes.yaml': () => groups(attributeGroups()),
  'telemetry/registry/metrics.yaml': () => groups(Object.values<Metric>(metricNames).map(metricGroup)),
  'telemetry/registry/spans.yaml': () => groups(Object.entries<Span>(spanNames).map(spanGroup)),
  'telemetry/registry/events.yaml': () => groups(Object.entries(eventNames).map(eventGroup)),
};

function attributeGroups(): object[] {
  const attributes = Object.values<{ name: string; says: string; type?: string }>(attributeNames).map(
    ({ name, says, type = 'string' }) => attributeOf(name, type, says),
  );
  const labels = Object.entries(labelNames).map(([name, says]) => attributeOf(name, 'string', says));
  return [
    group('registry.vitrine.attributes', 'attribute_group', 'Attributes of spans, log records and the resource.', {
      attributes,
    }),
    group('registry.vitrine.labels', 'attribute_group', 'Attributes that only metrics have.', { attributes: labels }),
  ];
}

function attributeOf(id: string, type: string, brief: string) {
  return { id, type, stability: 'development', brief, ...(type === 'string' && { examples: [] }) };
}

const instruments = {
  counter: 'counter',
  gauge: 'gauge',
  'up-down counter': 'updowncounter',
  histogram: 'histogram',
  'exponential histogram': 'histogram',
} as const;

function metricGroup({ name, kind, unit, says, attributes, optional = [], from }: Metric): object {
  const subject = subjects.find(([, pattern]) => pattern.test(name))![0];
  return group(`metric.${name}`, 'metric', says, {
    metric_name: name,
    instrument: instruments[kind],
    unit: unit === '' ? '1' : unit,
    annotations: { subject, ...(kind === 'exponential histogram' && { exponential: true }), ...(from && { from }) },
    attributes: attributes.map((ref) => ({
      ref,
      requirement_level: [...optional, ...leftOffWhereEmpty].includes(ref)
        ? { conditionally_required: 'Where it has a value.' }
        : 'required',
    })),
  });
}

function spanGroup([row, { name, says, requires = [] }]: [string, Span]): object {
  return group(`span.${row}`, 'span', says, {
    span_kind: row === 'request' ? 'server' : 'internal',
    annotations: { name },
    attributes: requires.map((of) => ({ ref: attributeNames[of].name, requirement_level: 'required' })),
  });
}

function eventGroup([name, says]: [string, string]): object {
  return group(`event.${name}`, 'event', says, { name });
}

function group(id: string, type: string, brief: string, rest: object): object {
  return { id, type, stability: 'development', brief, ...rest };
}

function groups(of: readonly object[]): string {
  return file({ groups: of });
}

function file(content: object): string {
  return `# Generated from src/telemetry/names by npm run generate: change it there.\n${stringify(content, { lineWidth: 0 })}`;
}
