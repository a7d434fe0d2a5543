import type { Panel } from '../dashboards/dashboard.ts';

export const languages = ['promql', 'logql', 'traceql'] as const;
export type Language = (typeof languages)[number];

export const languageTitles: Readonly<Record<Language, string>> = {
  promql: 'PromQL',
  logql: 'LogQL',
  traceql: 'TraceQL',
};
const stores: Readonly<Record<Language, string>> = { promql: 'prometheus', logql: 'loki', traceql: 'tempo' };

/** The panel that draws a query: a chart, a table of values now, log lines or traces. */
export function queryPanel(language: Language, query: string, asTable: boolean): Panel {
  const panel = {
    id: 1,
    title: '',
    datasource: { type: stores[language], uid: stores[language] },
    fieldConfig: { defaults: { unit: unitOf(query), custom: { fillOpacity: 6 } } },
  };
  const target = { refId: 'A', expr: query, limit: 100, maxLines: 500 };
  if (language === 'traceql') return { ...panel, type: 'traces', targets: [{ ...target, query }] };
  if (language === 'logql' && !isLogMetric(query)) return { ...panel, type: 'logs', targets: [target] };
  if (!asTable)
    return {
      ...panel,
      type: 'timeseries',
      targets: [target],
      options: { legend: { calcs: ['lastNotNull', 'max', 'mean'] } },
    };
  return {
    ...panel,
    type: 'table',
    targets: [{ ...target, instant: true, ...(language === 'logql' && { queryType: 'instant' }) }],
    options: { sortBy: [{ displayName: 'Value', desc: true }] },
  };
}

/** A LogQL query that counts, which is a chart; another one finds lines. */
export function isLogMetric(query: string): boolean {
  return /^\s*(\w+\s*(by|without)?\s*(\([^)]*\))?\s*\(|\()/.test(query) && /\[[^\]]+\]/.test(query);
}

/** By the unit that a metric's name ends with; a rate of seconds is none. */
function unitOf(query: string): string {
  if (/\b(rate|increase|irate)\s*\(/.test(query) && !/quantile/.test(query)) return 'short';
  if (/_seconds\b/.test(query)) return 's';
  if (/_bytes\b/.test(query)) return 'bytes';
  if (/_ratio\b/.test(query)) return 'percentunit';
  return 'short';
}
