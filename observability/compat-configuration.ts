import { stringify } from 'yaml';
import type { Metric } from '../src/telemetry/names/metric.ts';
import { metricNames } from '../src/telemetry/names/names.ts';
import { type Alias, aliases, labelsOf } from './aliases.ts';

const head = `# Generated from observability/aliases.ts by npm run generate: change it there.
#
# The names that other systems have for our metrics, beside ours: for people who bring dashboards and rules along. The service knows nothing of it.
# Leave the file out (natively VITRINE_COLLECTOR_ALIASES=false; elsewhere take it off the Collector's command line) and they are gone.
#
#   --config=otel-collector/config.yaml --config=otel-collector/compat.yaml --config=otel-collector/backends/<name>.yaml ...
#
#   … ─▶ forward/metrics ─▶ backends
#     └▶ forward/compat ─▶ only what has another name ─▶ copied ─▶ renamed ─▶ forward/metrics
`;

/**
 * otel-collector/compat.yaml: our metrics with the names, labels and units of other systems.
 * It ignores errors, so that a failed copy loses none of ours.
 */
export function compatConfiguration(): string {
  const file = {
    connectors: { 'forward/compat': null },
    processors: {
      'filter/compat_sources': {
        error_mode: 'ignore',
        metric_conditions: [`not (${anyOf(sources())})`],
      },
      'transform/compat_copies': {
        error_mode: 'ignore',
        metric_statements: [{ context: 'metric', statements: aliases.map(copyStatement) }],
      },
      'filter/compat_copies': {
        error_mode: 'ignore',
        metric_conditions: [anyOf(sources()), ...aliases.flatMap(unwantedPoints)],
      },
      'transform/compat_points': {
        error_mode: 'ignore',
        metric_statements: [
          { context: 'metric', statements: aliases.flatMap(kindStatement) },
          { context: 'datapoint', statements: aliases.flatMap(pointStatements) },
          { context: 'metric', statements: aliases.flatMap(combineStatement) },
        ],
      },
    },
    service: {
      pipelines: {
        // The list of config.yaml with one more: lists are replaced, not joined.
        metrics: { exporters: ['forward/metrics', 'forward/compat'] },
        'metrics/compat': {
          receivers: ['forward/compat'],
          processors: [
            'filter/compat_sources',
            'transform/compat_copies',
            'filter/compat_copies',
            'transform/compat_points',
          ],
          exporters: ['forward/metrics'],
        },
      },
    },
  };
  return `${head}\n${stringify(file, { lineWidth: 0, nullStr: '' })}`;
}

function sources(): string[] {
  return [...new Set(aliases.map(({ of }) => metricNames[of].name))];
}

function anyOf(names: readonly string[]): string {
  return names.map((name) => `metric.name == ${quoted(name)}`).join(' or ');
}

/** Prometheus adds `_total` to what counts; the unit stands in the name already. */
function nameInCollector({ name, of, convention }: Alias): string {
  if (convention) return convention.name;
  return metricNames[of].kind === 'counter' ? name.replace(/_total$/, '') : name;
}

function copyStatement(alias: Alias): string {
  const source: Metric = metricNames[alias.of];
  const says = `${source.name} by the name of the system ${alias.system}.`;
  return `copy_metric(name=${quoted(nameInCollector(alias))}, description=${quoted(says)}, unit=${quoted(alias.convention?.unit ?? '')}) where metric.name == ${quoted(source.name)}`;
}

function unwantedPoints(alias: Alias): string[] {
  if (!alias.only) return [];
  const [attribute, value] = alias.only;
  return [`${ofAlias(alias)} and datapoint.attributes[${quoted(attribute)}] != ${quoted(value)}`];
}

function pointStatements(alias: Alias): string[] {
  const its = ofAlias(alias);
  const at = (name: string) => `datapoint.attributes[${quoted(name)}]`;
  return [
    ...(alias.truth ? truthStatements(alias.truth, its) : []),
    ...(alias.outcome ? outcomeStatements(its) : []),
    ...Object.entries(alias.labels)
      .filter(([label, attribute]) => label !== attribute)
      .map(([label, attribute]) => `set(${at(label)}, ${at(attribute)}) where ${its} and ${at(attribute)} != nil`),
    ...Object.entries(alias.always ?? {}).map(([label, value]) => `set(${at(label)}, ${quoted(value)}) where ${its}`),
    // A series beyond the limit has no other label than this one.
    `keep_keys(datapoint.attributes, [${[...labelsOf(alias), 'otel.metric.overflow'].map(quoted).join(', ')}]) where ${its}`,
    ...(alias.value === 'percent' ? [`set(datapoint.value_double, 100.0 * datapoint.value_double) where ${its}`] : []),
    ...(alias.value === 'percent of the rest'
      ? [`set(datapoint.value_double, 100.0 - 100.0 * datapoint.value_double) where ${its}`]
      : []),
  ];
}

function truthStatements([label, attribute, value]: NonNullable<Alias['truth']>, its: string): string[] {
  const is = (relation: '==' | '!=') => `datapoint.attributes[${quoted(attribute)}] ${relation} ${quoted(value)}`;
  return [
    `set(datapoint.attributes[${quoted(label)}], "true") where ${its} and ${is('==')}`,
    `set(datapoint.attributes[${quoted(label)}], "false") where ${its} and ${is('!=')}`,
  ];
}

/** 4xx is the caller's mistake: rules about errors must not fire for it. */
function outcomeStatements(its: string): string[] {
  const status = 'datapoint.attributes["status"]';
  const become = (word: string, when: string) =>
    `set(${status}, "${word}") where ${its} and IsMatch(datapoint.attributes["code"], "${when}")`;
  return [
    `set(datapoint.attributes["code"], ${status}) where ${its} and ${status} != nil`,
    `set(${status}, "error") where ${its} and ${status} != nil`,
    become('success', '^([123][0-9][0-9]|success)$'),
    become('rejected', '^4[0-9][0-9]$'),
    `set(${status}, "rejected") where ${its} and datapoint.attributes["fault"] == "caller"`,
  ];
}

/** What the convention has as a sum that goes up and down, and we have as a gauge. */
function kindStatement(alias: Alias): string[] {
  if (alias.convention?.kind === undefined) return [];
  return [`convert_gauge_to_sum("cumulative", false) where ${ofAlias(alias)}`];
}

/** Sums points with the same labels and time; a series has one value at a time. */
function combineStatement(alias: Alias): string[] {
  if (!alias.combine) return [];
  const kept = [...labelsOf(alias), 'otel.metric.overflow'];
  return [`aggregate_on_attributes("${alias.combine}", [${kept.map(quoted).join(', ')}]) where ${ofAlias(alias)}`];
}

function ofAlias(alias: Alias): string {
  return `metric.name == ${quoted(nameInCollector(alias))}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
