import type { Exemplar, FoundTrace, InstantResult, Labels, LogLine, RangeResult } from './answers.ts';
import { askJson } from './ask.ts';

// Questions in the languages of Prometheus, Tempo and Loki, through the service's list of what may
// be asked (src/api/backends-proxy). It asks the stores that VITRINE_BACKENDS names.
// `notes` say what a store could not answer as asked.

type Parameters = Readonly<Record<string, string | number>>;

export async function queryRange(parameters: Parameters, signal: AbortSignal): Promise<RangeResult[]> {
  const { data } = await read<{ data: { result: RangeResult[] } }>('prometheus/api/v1/query_range', parameters, signal);
  return data.result;
}

export async function queryInstant(parameters: Parameters, signal: AbortSignal): Promise<InstantResult[]> {
  const { data } = await read<{ data: { resultType: string; result: InstantResult[] | [number, string] } }>(
    'prometheus/api/v1/query',
    parameters,
    signal,
  );
  if (data.resultType === 'scalar') return [{ metric: {}, value: data.result as [number, string] }];
  return data.result as InstantResult[];
}

export async function queryExemplars(
  parameters: Parameters,
  signal: AbortSignal,
): Promise<{ series: { seriesLabels: Labels; exemplars: Exemplar[] }[]; notes: string[] }> {
  const { data, infos } = await read<{ data?: { seriesLabels: Labels; exemplars: Exemplar[] }[]; infos?: string[] }>(
    'prometheus/api/v1/query_exemplars',
    parameters,
    signal,
  );
  return { series: data ?? [], notes: infos ?? [] };
}

export async function labelValues(label: string, parameters: Parameters, signal: AbortSignal): Promise<string[]> {
  const { data } = await read<{ data: string[] }>(
    `prometheus/api/v1/label/${encodeURIComponent(label)}/values`,
    parameters,
    signal,
  );
  return data;
}

/** Newest first. */
export async function logLines(parameters: Parameters, signal: AbortSignal): Promise<LogLine[]> {
  const { data } = await read<{ data: { result: { stream: Labels; values: [string, string][] }[] } }>(
    'loki/loki/api/v1/query_range',
    parameters,
    signal,
  );
  return data.result
    .flatMap(({ stream, values }) => values.map(([ns, line]) => ({ labels: stream, timeNs: BigInt(ns), line })))
    .sort((a, b) => (a.timeNs < b.timeNs ? 1 : a.timeNs > b.timeNs ? -1 : 0));
}

export async function logMetrics(parameters: Parameters, signal: AbortSignal): Promise<RangeResult[]> {
  const { data } = await read<{ data: { result: RangeResult[] } }>('loki/loki/api/v1/query_range', parameters, signal);
  return data.result;
}

export async function searchTraces(
  parameters: Parameters,
  signal: AbortSignal,
): Promise<{ traces: FoundTrace[]; notes: string[] }> {
  const { traces = [], warnings = [] } = await read<{ traces?: FoundTrace[]; warnings?: string[] }>(
    'tempo/api/search',
    parameters,
    signal,
  );
  return { traces: traces.map((trace) => ({ ...trace, traceID: trace.traceID.padStart(32, '0') })), notes: warnings };
}

export async function read<Answer>(path: string, parameters: Parameters, signal: AbortSignal): Promise<Answer> {
  const query = new URLSearchParams(
    Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
  );
  // Not broken off when the person goes elsewhere: it would count as a failed request.
  const answer = await askJson<Answer>(`/backends/${path}${query.size > 0 ? `?${query}` : ''}`);
  signal.throwIfAborted();
  return answer;
}
