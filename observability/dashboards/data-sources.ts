import type { Query } from './query.ts';

type Source = Query['source'];

/**
 * Which store answers is chosen above each dashboard, so that a file can be imported into any
 * Grafana.
 */
export const dataSourceVariables: Readonly<Record<Source, { name: string; label: string }>> = {
  prometheus: { name: 'metrics', label: 'Metrics' },
  loki: { name: 'logs', label: 'Logs' },
  tempo: { name: 'traces', label: 'Traces' },
};

export function dataSource(source: Source): { type: Source; uid: string } {
  return { type: source, uid: `\${${dataSourceVariables[source].name}}` };
}
