import { aliases, labelsOf } from '../../observability/aliases.ts';
import type { Metric } from '../../src/telemetry/names/metric.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { metricNames } from '../../src/telemetry/names/names.ts';
import { prometheusQuery } from '../../testkit/backends.ts';

/**
 * The labels by metric, histograms under their own name: what is there of the service, the receiver
 * and datasets.
 */
export type Told = Map<string, Set<string>>;

export async function toldInPrometheus(url: string): Promise<Told> {
  const told: Told = new Map();
  for (const { labels } of await prometheusQuery(url, '{job=~"vitrine|vitrine-receiver|vitrine-dataset"}')) {
    const { __name__: series = '', ...others } = labels;
    const name = metricOf(series);
    const known = told.get(name) ?? new Set();
    for (const label of Object.keys(others)) if (!ofEverySeries.has(label)) known.add(label);
    told.set(name, known);
  }
  return told;
}

/** What must be there: each name with its labels. */
export function expectedInPrometheus(): Told {
  const rows = Object.values<Metric>(metricNames).map((metric): [string, Set<string>] => [
    nameInPrometheus(metric),
    new Set(metric.attributes.map(asLabel)),
  ]);
  const others = aliases.map((alias): [string, Set<string>] => [alias.name, new Set(labelsOf(alias).map(asLabel))]);
  return new Map([...rows, ...others]);
}

const ofEverySeries = new Set(['job', 'instance', 'deployment_environment_name', 'le']);
const histograms = [
  ...Object.values<Metric>(metricNames)
    .filter(({ kind }) => kind === 'histogram')
    .map(nameInPrometheus),
  ...aliases.filter(({ of }) => metricNames[of].kind === 'histogram').map(({ name }) => name),
];
const seriesOfHistograms = new Map(
  histograms.flatMap((name) => ['bucket', 'count', 'sum'].map((part): [string, string] => [`${name}_${part}`, name])),
);

function metricOf(series: string): string {
  return seriesOfHistograms.get(series) ?? series;
}

function asLabel(attribute: string): string {
  return attribute.replace(/[^A-Za-z0-9]/g, '_');
}
