import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { StoreName } from '../src/stores/stores.ts';
import { askPort, type Way } from './ask-port.ts';

/**
 * One span, one log record and one metric point, each unique. They go through the Collector and are
 * searched in the stores.
 */
export type Probe = { traceId: string; value: number };

export const probeJob = 'vitrine-doctor';
const metricName = 'vitrine_doctor_probe_timestamp_seconds';

/** Sends all three signals over OTLP/HTTP; ends with an error when the Collector refuses one. */
export async function sendProbe(collector: Way): Promise<Probe> {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  const nowMs = Date.now();
  const timeUnixNano = `${nowMs}000000`;
  const value = nowMs / 1000;
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: probeJob } }] };
  const span = {
    traceId,
    spanId,
    name: 'doctor probe',
    kind: 1,
    startTimeUnixNano: timeUnixNano,
    endTimeUnixNano: `${nowMs + 1}000000`,
  };
  const logRecord = {
    timeUnixNano,
    traceId,
    spanId,
    severityNumber: 9,
    severityText: 'info',
    body: { stringValue: 'doctor probe' },
  };
  const metric = { name: metricName, gauge: { dataPoints: [{ timeUnixNano, asDouble: value }] } };

  await post(collector, '/v1/traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  await post(collector, '/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [logRecord] }] }] });
  await post(collector, '/v1/metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] });
  return { traceId, value };
}

/** Whether each store has its part of the probe. */
export const probeChecks: Readonly<Record<StoreName, (way: Way, probe: Probe) => Promise<boolean>>> = {
  async jaeger(way, { traceId }) {
    const { result } = (await ask(way, `/api/v3/traces/${traceId}`, 404)) as { result?: object };
    return result !== undefined;
  },
  async victorialogs(way, { traceId }) {
    const query = new URLSearchParams({
      query: `_time:5m {service_name="${probeJob}"} trace_id:=${traceId} | stats count() n`,
    });
    const { n } = (await ask(way, `/select/logsql/query?${query}`)) as { n?: string };
    return Number(n ?? 0) > 0;
  },
  victoriametrics: hasPoint,
  prometheus: hasPoint,
  async tempo(way, { traceId }) {
    const { batches = [] } = (await ask(way, `/api/traces/${traceId}`, 404)) as { batches?: unknown[] };
    return batches.length > 0;
  },
  async loki(way, { traceId }) {
    const query = new URLSearchParams({ query: `{service_name="${probeJob}"} | trace_id="${traceId}"`, since: '5m' });
    const { data } = (await ask(way, `/loki/api/v1/query_range?${query}`)) as { data?: { result: unknown[] } };
    return (data?.result.length ?? 0) > 0;
  },
};

async function hasPoint(way: Way, { value }: Probe): Promise<boolean> {
  const query = new URLSearchParams({ query: `${metricName}{job="${probeJob}"} == ${value}` });
  const { data } = (await ask(way, `/api/v1/query?${query}`)) as { data?: { result: unknown[] } };
  return (data?.result.length ?? 0) > 0;
}

/**
 * Asks until it is found; answers how long that took, or the last failure when the deadline passes.
 */
export async function findProbe(
  store: StoreName,
  way: Way,
  probe: Probe,
  deadlineMs: number,
): Promise<{ foundAfterMs: number } | { failure: string }> {
  const startedAt = performance.now();
  let failure = 'it has not arrived';
  while (performance.now() - startedAt < deadlineMs) {
    try {
      if (await probeChecks[store](way, probe)) return { foundAfterMs: Math.round(performance.now() - startedAt) };
      failure = 'it has not arrived';
    } catch (error) {
      failure = (error as Error).message; // The store may be busy now and well in a moment.
    }
    await pause(200);
  }
  return { failure };
}

async function post(way: Way, path: string, body: unknown): Promise<void> {
  const asking = {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    timeoutMs: 10_000,
  };
  const { ok, status, text } = await askPort(way, path, asking);
  if (!ok) throw new Error(`${way.url}${path} answered ${status}: ${text.slice(0, 200)}`);
}

async function ask(way: Way, path: string, emptyStatus?: number): Promise<unknown> {
  const headers = { accept: 'application/json', 'x-scope-orgid': 'app' }; // Of Loki, where it has a tenant for each log stream.
  const { ok, status, text } = await askPort(way, path, { timeoutMs: 10_000, headers });
  if (status === emptyStatus) return {};
  if (!ok) throw new Error(`${way.url}${path} answered ${status}: ${text.slice(0, 200)}`);
  return JSON.parse(text);
}
