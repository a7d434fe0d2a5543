import { grafanaLink } from '../grafana-link.ts';

/**
 * Where a link of a dashboard or an alert leads from this page: to our own view of the same thing,
 * or into the Grafana that is configured; undefined for anywhere else, since what comes from
 * outside must not choose where a person goes.
 */
export function ownLink(url: string, facts: { grafana: string | null }): string | undefined {
  const runbook = /(?:^|\/)runbooks\/([\w.-]+?)(?:\.md)?(?:#.*)?$/.exec(url)?.[1];
  if (runbook !== undefined) return `#/runbooks/${encodeURIComponent(runbook)}`;
  const path = grafanaPath(url);
  if (path === undefined) return undefined;
  const [, uid, query] = /^\/d\/([\w-]+)(?:\/[^?]*)?(?:\?(.*))?$/.exec(path) ?? [];
  if (path.startsWith('/explore?')) return explored(path) ?? grafanaLink(facts, path);
  if (uid !== undefined) return `#/dashboards/${encodeURIComponent(uid)}${query ? `?${query}` : ''}`;
  return grafanaLink(facts, path);
}

/**
 * Whatever Grafana an alert or dashboard was written for: here it means its own dashboards, or the
 * one that is configured.
 */
function grafanaPath(url: string): string | undefined {
  if (/^\/(?![/\\])/.test(url)) return url;
  try {
    const { protocol, pathname, search } = new URL(url);
    return /^https?:$/.test(protocol) && /^\/(d|explore)\b/.test(pathname) ? `${pathname}${search}` : undefined;
  } catch {
    // Not a URL: then it leads nowhere.
    return undefined;
  }
}

/** A question to Tempo or Loki that Grafana would explore is asked in our view of requests. */
function explored(path: string): string | undefined {
  try {
    const panes = JSON.parse(new URLSearchParams(path.slice('/explore?'.length)).get('panes') ?? '{}') as Record<
      string,
      { datasource?: string; queries?: { query?: string; expr?: string; datasource?: { type?: string } }[] }
    >;
    const [pane] = Object.values(panes);
    const [query] = pane?.queries ?? [];
    const source = query?.datasource?.type ?? pane?.datasource;
    if (source === 'tempo' && query?.query) return `#/requests?${new URLSearchParams({ traces: query.query })}`;
    if (source === 'loki' && query?.expr) return `#/requests?${new URLSearchParams({ logs: query.expr })}`;
    if (source === 'prometheus' && query?.expr)
      return `#/queries?${new URLSearchParams({ language: 'promql', query: query.expr })}`;
  } catch {
    // Written by hand, or by another version of Grafana: then Grafana itself can have it.
  }
  return undefined;
}
