import type { Dashboard } from '../alerts/rule.ts';
import { dataSource } from './data-sources.ts';
import type { PanelLink } from './panel.ts';

// Links from a value to Grafana's Explore. Grafana fills in `${__field.labels.model}` and its like.

/** Traces that TraceQL finds in the panel's time. */
export function tracesLink(title: string, traceQl: string): PanelLink {
  return exploreLink(title, 'tempo', { queryType: 'traceql', tableType: 'traces', limit: 50, query: traceQl });
}

/** Lines that LogQL finds in the panel's time. */
export function logsLink(title: string, logQl: string): PanelLink {
  return exploreLink(title, 'loki', { expr: logQl, queryType: 'range' });
}

/** Another dashboard, with this one's time. */
export function dashboardLink(
  title: string,
  name: Dashboard,
  variables: Readonly<Record<string, string>> = {},
): PanelLink {
  const given = Object.entries(variables).map(([variable, value]) => `&var-${variable}=${encodeAround(value)}`);
  return { title, url: `/d/vitrine-${name}?from=\${__from}&to=\${__to}${given.join('')}` };
}

function exploreLink(title: string, source: 'tempo' | 'loki', query: Record<string, unknown>): PanelLink {
  const datasource = dataSource(source);
  const panes = {
    // The name of the pane: any three letters.
    vit: {
      datasource: datasource.uid,
      queries: [{ refId: 'A', datasource, ...query }],
      range: { from: `\${__from}`, to: `\${__to}` },
    },
  };
  return { title, url: `/explore?schemaVersion=1&orgId=1&panes=${encodeAround(JSON.stringify(panes))}` };
}

/** Percent-encodes all but Grafana's variables, which Grafana fills in and encodes. */
function encodeAround(text: string): string {
  return text
    .split(/(\$\{[^}]+\})/)
    .map((part) => (part.startsWith(`\${`) ? asEncoded(part) : encodeURIComponent(part)))
    .join('');
}

function asEncoded(variable: string): string {
  // Within JSON the quotation marks of ${__data.fields["a"]} are escaped.
  const plain = variable.replaceAll('\\"', '"');
  return /^\$\{__(from|to)\}$/.test(plain) ? plain : plain.replace(/\}$/, ':percentencode}');
}
