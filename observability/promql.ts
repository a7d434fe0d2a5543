import { nameInPrometheus } from '../src/telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames } from '../src/telemetry/names/names.ts';

// PromQL over the table of names: a metric or a label that is not in the table does not compile.

type Underscored<Text extends string> = Text extends `${infer Head}.${infer Tail}`
  ? `${Head}_${Underscored<Tail>}`
  : Text;

/**
 * Labels of every series of ours: service.name, service.instance.id, deployment.environment.name.
 */
type CommonLabel = 'job' | 'instance' | 'deployment_environment_name';

export type LabelOf<Name extends MetricName> =
  | Underscored<(typeof metricNames)[Name]['attributes'][number]>
  | CommonLabel;

export type HistogramName = {
  [Name in MetricName]: (typeof metricNames)[Name]['kind'] extends 'histogram' ? Name : never;
}[MetricName];

/** Histograms with an exponential twin: percentiles are read from it. */
export type ExactName = {
  [Name in MetricName]: (typeof metricNames)[Name] extends { exact: MetricName } ? Name : never;
}[MetricName];

export type CounterName = {
  [Name in MetricName]: (typeof metricNames)[Name]['kind'] extends 'counter' ? Name : never;
}[MetricName];

/**
 * `{ status: 'ok' }` is `status="ok"`; a value with `~`, `!` or `!~` in front matches by `=~`,
 * `!=`, `!~`.
 */
export type Matchers<Label extends string> = Readonly<Partial<Record<Label, string>>>;

/** The series of a metric. */
export function series<Name extends MetricName>(name: Name, matchers?: Matchers<LabelOf<Name>>): string {
  return nameInPrometheus(metricNames[name]) + braces(matchers);
}

/** How much a second; summed by these labels. */
export function rateBy<Name extends CounterName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `${sumBy(by)}(rate(${series(name, matchers)}[${window}]))`;
}

/** How much in the window; summed by these labels. */
export function increaseBy<Name extends CounterName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__range',
): string {
  return `${sumBy(by)}(increase(${series(name, matchers)}[${window}]))`;
}

/** How many were recorded a second. */
export function countRateBy<Name extends HistogramName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `${sumBy(by)}(rate(${part(name, 'count', matchers)}[${window}]))`;
}

/** What was recorded a second, added up. */
export function sumRateBy<Name extends HistogramName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `${sumBy(by)}(rate(${part(name, 'sum', matchers)}[${window}]))`;
}

/** The mean of what was recorded in the window; nothing where nothing was. */
export function meanBy<Name extends HistogramName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `${sumRateBy(name, by, matchers, window)} / (${countRateBy(name, by, matchers, window)} > 0)`;
}

/**
 * A percentile from the exponential histogram: at most one bucket, a few percent, above the largest
 * value. Interpolated fixed buckets would say 29 s for requests of 11 to 13 s in a bucket of 10 to
 * 30 s.
 */
export function quantileBy<Name extends ExactName>(
  quantile: number,
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `histogram_quantile(${quantile}, ${sumBy(by)}(rate(${exact(name)}${braces(matchers)}[${window}])))`;
}

/** The part above a bucket's bound in the window: exact, since no value is interpolated. */
export function overBy<Name extends HistogramName>(
  name: Name,
  le: string,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  const within = `${sumBy(by)}(rate(${part(name, 'bucket', { ...matchers, le })}[${window}]))`;
  return `1 - ${within} / (${countRateBy(name, by, matchers, window)} > 0)`;
}

/** How many were recorded in the window. */
export function countIn<Name extends HistogramName>(
  name: Name,
  by: readonly LabelOf<Name>[],
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__range',
): string {
  return `${sumBy(by)}(increase(${part(name, 'count', matchers)}[${window}]))`;
}

/** How many fell into each bucket in the window, for a heatmap. */
export function bucketsOf<Name extends HistogramName>(
  name: Name,
  matchers?: Matchers<LabelOf<Name>>,
  window = '$__rate_interval',
): string {
  return `sum by (le) (increase(${part(name, 'bucket', matchers)}[${window}]))`;
}

/** A histogram's own series: `_bucket`, `_sum` or `_count`. */
export function partOf<Name extends HistogramName>(
  name: Name,
  which: 'bucket' | 'sum' | 'count',
  matchers?: Matchers<LabelOf<Name> | 'le'>,
): string {
  return part(name, which, matchers);
}

function part(name: HistogramName, which: 'bucket' | 'sum' | 'count', matchers?: Written): string {
  return `${nameInPrometheus(metricNames[name])}_${which}${braces(matchers)}`;
}

function exact(name: ExactName): string {
  return nameInPrometheus(metricNames[metricNames[name].exact]);
}

type Written = Readonly<Record<string, string | undefined>>;

export function braces(matchers: Written = {}): string {
  const written = Object.entries(matchers)
    .filter((pair): pair is [string, string] => pair[1] !== undefined)
    .map(([label, value]) => {
      const [, operator = '', text = ''] = /^(!~|!|~|)(.*)$/s.exec(value) ?? [];
      const sign = { '': '=', '~': '=~', '!': '!=', '!~': '!~' }[operator];
      return `${label}${sign}"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    });
  return written.length === 0 ? '' : `{${written.join(', ')}}`;
}

function sumBy(labels: readonly string[]): string {
  return labels.length === 0 ? 'sum' : `sum by (${labels.join(', ')}) `;
}
