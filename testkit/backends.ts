/** Questions to the real Prometheus, Tempo and Loki, as a person or Grafana would ask them. */

export type Sample = { labels: Record<string, string>; timeMs: number; value: number };

export async function prometheusQuery(baseUrl: string, query: string, atMs?: number): Promise<Sample[]> {
  const url = new URL('/api/v1/query', baseUrl);
  url.searchParams.set('query', query);
  if (atMs !== undefined) url.searchParams.set('time', String(atMs / 1000));
  const { data } = (await ask(url)) as {
    data: {
      result: {
        metric: Record<string, string>;
        value?: [number, string];
        /** In the place of a value: a native histogram. Its count stands for it here. */
        histogram?: [number, { count: string }];
      }[];
    };
  };
  return data.result.map(({ metric, value, histogram }) => {
    const [seconds, text] = value ?? [histogram?.[0] ?? 0, histogram?.[1].count];
    return { labels: metric, timeMs: seconds * 1000, value: Number(text) };
  });
}

/** The stored points themselves, for counting without rate()'s extrapolation. */
export async function prometheusPoints(
  baseUrl: string,
  selector: string,
  minutes = 30,
): Promise<{ labels: Record<string, string>; points: [number, number][] }[]> {
  const url = new URL('/api/v1/query', baseUrl);
  url.searchParams.set('query', `${selector}[${minutes}m]`);
  const { data } = (await ask(url)) as {
    data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
  };
  return data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([seconds, value]): [number, number] => [seconds * 1000, Number(value)]),
  }));
}

/**
 * What a counter counted in all, restarts of its process included: every rise, and after a fall the
 * whole new value.
 */
export async function countedInAll(baseUrl: string, selector: string): Promise<number> {
  const series = await prometheusPoints(baseUrl, selector);
  return series.reduce((total, { points }) => total + risesOf(points.map(([, value]) => value)), 0);
}

export function risesOf(values: readonly number[]): number {
  let total = 0;
  let last = 0;
  for (const value of values) {
    total += value >= last ? value - last : value;
    last = value;
  }
  return total;
}

/** Distinct trace ids that TraceQL finds. */
export async function tempoTraceIds(baseUrl: string, traceQl: string, limit = 20_000): Promise<Set<string>> {
  const url = new URL('/api/search', baseUrl);
  url.searchParams.set('q', traceQl);
  url.searchParams.set('limit', String(limit));
  url.searchParams.set('start', String(Math.floor(Date.now() / 1000) - 3600));
  url.searchParams.set('end', String(Math.floor(Date.now() / 1000) + 60));
  const { traces = [] } = (await ask(url)) as { traces?: { traceID: string }[] };
  return new Set(traces.map(({ traceID }) => traceID.padStart(32, '0')));
}

export type LogLine = { labels: Record<string, string>; line: string; timeNs: string };

export async function lokiLines(baseUrl: string, logQl: string, limit = 5_000): Promise<LogLine[]> {
  const url = new URL('/loki/api/v1/query_range', baseUrl);
  url.searchParams.set('query', logQl);
  url.searchParams.set('limit', String(limit));
  url.searchParams.set('start', `${String(Date.now() - 3_600_000)}000000`);
  url.searchParams.set('end', `${String(Date.now() + 60_000)}000000`);
  const { data } = (await ask(url)) as {
    data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
  };
  return data.result.flatMap(({ stream, values }) =>
    values.map(([timeNs, line]) => ({ labels: stream, line, timeNs })),
  );
}

/**
 * Distinct trace ids of log lines; asked for in slices of time, since Loki gives 5000 lines an
 * answer.
 */
export async function lokiTraceIds(baseUrl: string, logQl: string): Promise<Set<string>> {
  const ids = new Set<string>();
  let endNs = BigInt(Date.now() + 60_000) * 1_000_000n;
  const startNs = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  for (;;) {
    const url = new URL('/loki/api/v1/query_range', baseUrl);
    url.searchParams.set('query', logQl);
    url.searchParams.set('limit', '5000');
    url.searchParams.set('start', String(startNs));
    url.searchParams.set('end', String(endNs));
    const { data } = (await ask(url)) as {
      data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
    };
    const lines = data.result.flatMap(({ stream, values }) =>
      values.map(([timeNs]) => ({ id: stream.trace_id, timeNs: BigInt(timeNs) })),
    );
    for (const { id } of lines) if (id !== undefined) ids.add(id);
    if (lines.length < 5000) return ids;
    const [oldest = endNs] = lines.map(({ timeNs }) => timeNs).sort((a, b) => (a < b ? -1 : 1));
    endNs = oldest === endNs ? endNs - 1n : oldest + 1n;
  }
}

async function ask(url: URL): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}
