import type { Query } from '../../observability/dashboards/query.ts';
import { fillVariables } from './fill-variables.ts';

export type Backends = Readonly<Record<'prometheus' | 'loki' | 'tempo', string>>;

/**
 * Asks a panel's query as Grafana would, over the last quarter of an hour; answers how many series,
 * lines, exemplars or traces came that have a value.
 */
export async function ask(
  backends: Backends,
  query: Query,
  chosen: Readonly<Record<string, string>> = {},
): Promise<number> {
  const expr = fillVariables(query.expr, chosen);
  const end = Date.now() / 1000;
  const start = end - 900;
  switch (query.source) {
    case 'tempo': {
      const { traces = [] } = (await get(`${backends.tempo}/api/search`, {
        q: expr,
        limit: 20,
        start: floor(start),
        end: floor(end + 60),
      })) as {
        traces?: unknown[];
      };
      return traces.length;
    }
    case 'loki': {
      const times = { start: `${floor(start)}000000000`, end: `${floor(end + 1)}000000000` };
      const answer =
        query.shape === 'instant'
          ? await get(`${backends.loki}/loki/api/v1/query`, { query: expr, time: times.end })
          : await get(`${backends.loki}/loki/api/v1/query_range`, {
              query: expr,
              limit: 100,
              ...times,
              ...(query.shape === 'range' && { step: '5s' }),
            });
      return withValues(answer as Answer);
    }
    case 'prometheus': {
      if (query.shape === 'exemplars') {
        const { data } = (await get(`${backends.prometheus}/api/v1/query_exemplars`, { query: expr, start, end })) as {
          data: { exemplars: unknown[] }[];
        };
        return data.reduce((sum, { exemplars }) => sum + exemplars.length, 0);
      }
      const answer =
        query.shape === 'instant' || query.shape === 'table'
          ? await get(`${backends.prometheus}/api/v1/query`, { query: expr, time: end })
          : await get(`${backends.prometheus}/api/v1/query_range`, { query: expr, start, end, step: 5 });
      return withValues(answer as Answer);
    }
  }
}

type Answer = { data: { result: { value?: [number, string]; values?: [unknown, string][] }[] } };

function withValues({ data }: Answer): number {
  return data.result.filter(({ value, values = [] }) =>
    [...(value ? [value] : []), ...values].some(([, text]) => text !== 'NaN'),
  ).length;
}

async function get(base: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
  const url = new URL(base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  const text = await answer.text();
  if (!answer.ok)
    throw new Error(
      `${url.pathname} answered ${answer.status} to ${parameters.query ?? parameters.q}: ${text.slice(0, 300)}`,
    );
  return JSON.parse(text);
}

function floor(seconds: number): number {
  return Math.floor(seconds);
}
