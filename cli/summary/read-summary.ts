import { askPort, type Way } from '../../launcher/ask-port.ts';
import { probes, streams } from '../../launcher/routes.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { faultsNow } from '../../observability/alerts/firing.ts';
import { other } from '../../observability/dashboards/other-metrics.ts';
import { increaseBy, quantileBy, rateBy, series } from '../../observability/promql.ts';
import { asMetricsql } from '../../src/stores/dialects/metricsql.ts';
import { store } from '../../src/stores/stores.ts';

/**
 * What the overview shows, in numbers. Rates are a second; what cannot be known is null: no traffic
 * has no percentile.
 */
export type Summary = {
  at: string;
  minutes: number;
  service: {
    instances: number;
    requests: number;
    /** Server failures, callers’ mistakes and callers who left, a second. */
    faults: number;
    mistakes: number;
    left: number;
    p50: number | null;
    p95: number | null;
    p99: number | null;
  };
  /** Each process or replica of the window, also one that is gone. */
  instances: {
    instance: string;
    /** Since its last sign of life. */
    silentSeconds: number;
    requests: number;
    /** Server failures. */
    faults: number;
    p95: number | null;
    waiting: number;
    jobsRunning: number;
  }[];
  models: {
    model: string;
    requests: number;
    /** Server failures. */
    failures: number;
    p50: number | null;
    p95: number | null;
    p99: number | null;
    waiting: number;
    breaker: 'closed' | 'half-open' | 'open';
  }[];
  /** How many in the window, by the failure’s code and whose it was: caller, left or server. */
  errors: { code: string; fault: string; count: number }[];
  jobs: { waiting: number; running: number };
  gpus: {
    id: string;
    name: string;
    busy: number | null;
    memory: number | null;
    watts: number | null;
    celsius: number | null;
  }[];
  pipeline: {
    made: number;
    exported: number;
    /** In the window. */
    dropped: number;
    missing: number;
    spooled: number;
    fullestQueue: number | null;
    servers: { up: number; of: number };
  };
  /** Each fault that fires once, at its worst, however many rules and systems say so. */
  alerts: { alert: string; severity: string; model: string; about: string }[];
};

const ofService = { job: 'vitrine' } as const;
const ofCallers = { ...ofService, endpoint: `!~${probes}|${streams}` } as const;

/** The store of metrics that is asked. */
export type MetricsStore = Way & { name: 'prometheus' | 'victoriametrics' };

/** Asks the store of metrics; throws a StackFailure when it does not answer. */
export async function readSummary(metrics: MetricsStore, minutes: number): Promise<Summary> {
  const questions = questionsTo(metrics, `${minutes}m`);
  const [service, instances, models, errors, jobs, gpus, pipeline, alerts] = await Promise.all([
    readService(questions),
    readInstances(questions),
    readModels(questions),
    readErrors(questions),
    readJobs(questions),
    readGpus(questions),
    readPipeline(questions),
    readAlerts(questions),
  ]);
  return { at: new Date().toISOString(), minutes, service, instances, models, errors, jobs, gpus, pipeline, alerts };
}

type Questions = ReturnType<typeof questionsTo>;

function questionsTo(metrics: MetricsStore, window: string) {
  const ask = (expr: string) => query(metrics, expr);
  const one = async (expr: string) => (await ask(expr))[0]?.value ?? null;
  return { window, ask, one };
}

async function readService({ window, one }: Questions): Promise<Summary['service']> {
  const percentile = (quantile: number) => one(quantileBy(quantile, 'httpRequestSeconds', [], ofCallers, window));
  const perSecond = (fault: { fault?: string }) => one(rateBy('httpRequests', [], { ...ofService, ...fault }, window));
  const [instances, requests, faults, mistakes, left, p50, p95, p99] = await Promise.all([
    one(`count((time() - max by (instance) (${series('heartbeat', ofService)})) < 30)`),
    perSecond({}),
    perSecond({ fault: 'server' }),
    perSecond({ fault: 'caller' }),
    perSecond({ fault: 'left' }),
    percentile(0.5),
    percentile(0.95),
    percentile(0.99),
  ]);
  return {
    ...{ instances: instances ?? 0, requests: requests ?? 0, faults: faults ?? 0 },
    ...{ mistakes: mistakes ?? 0, left: left ?? 0, p50, p95, p99 },
  };
}

async function readInstances({ window, ask }: Questions): Promise<Summary['instances']> {
  const by = ['instance'] as const;
  const [silent, requests, faults, p95s, waiting, running] = await Promise.all([
    ask(`time() - max by (instance) (max_over_time(${series('heartbeat', ofService)}[${window}]))`),
    ask(rateBy('httpRequests', by, ofService, window)),
    ask(rateBy('httpRequests', by, { ...ofService, fault: 'server' }, window)),
    ask(quantileBy(0.95, 'httpRequestSeconds', by, ofCallers, window)),
    ask(`sum by (instance) (${series('inferenceQueueDepth', ofService)})`),
    ask(`sum by (instance) (${series('jobsRunning', ofService)})`),
  ]);
  return silent
    .map(({ labels: { instance = '' }, value }) => ({
      instance,
      silentSeconds: value ?? 0,
      requests: of(requests, 'instance', instance) ?? 0,
      faults: of(faults, 'instance', instance) ?? 0,
      p95: of(p95s, 'instance', instance),
      waiting: of(waiting, 'instance', instance) ?? 0,
      jobsRunning: of(running, 'instance', instance) ?? 0,
    }))
    .toSorted((a, b) => a.instance.localeCompare(b.instance));
}

async function readModels({ window, ask }: Questions): Promise<Summary['models']> {
  const byModel = (quantile: number) => ask(quantileBy(quantile, 'inferenceSeconds', ['model'], ofService, window));
  const [asked, failed, p50s, p95s, p99s, waiting, breakers] = await Promise.all([
    ask(rateBy('inferenceRequests', ['model'], ofService, window)),
    ask(rateBy('inferenceRequests', ['model'], { ...ofService, fault: 'server' }, window)),
    byModel(0.5),
    byModel(0.95),
    byModel(0.99),
    ask(`sum by (model) (${series('inferenceQueueDepth', ofService)})`),
    ask(`max by (model) (${series('breakerState', ofService)})`),
  ]);
  return asked
    .map(({ labels: { model = '' }, value }) => ({
      model,
      requests: value ?? 0,
      failures: of(failed, 'model', model) ?? 0,
      p50: of(p50s, 'model', model),
      p95: of(p95s, 'model', model),
      p99: of(p99s, 'model', model),
      waiting: of(waiting, 'model', model) ?? 0,
      breaker: breakerStates[of(breakers, 'model', model) ?? 0] ?? 'closed',
    }))
    .toSorted((a, b) => b.requests - a.requests || a.model.localeCompare(b.model));
}

async function readErrors({ window, ask }: Questions): Promise<Summary['errors']> {
  const errors = await ask(`sort_desc(${increaseBy('errors', ['type', 'fault'], ofService, window)} > 0)`);
  return errors.map(({ labels, value }) => ({
    code: labels.type ?? '',
    fault: labels.fault ?? '',
    count: Math.round(value ?? 0),
  }));
}

async function readJobs({ one }: Questions): Promise<Summary['jobs']> {
  const [waiting, running] = await Promise.all([
    one(`sum(${series('jobsWaiting', ofService)})`),
    one(`sum(${series('jobsRunning', ofService)})`),
  ]);
  return { waiting: waiting ?? 0, running: running ?? 0 };
}

async function readGpus({ ask }: Questions): Promise<Summary['gpus']> {
  const [gpus, busy, memory, watts, celsius] = await Promise.all([
    ask(`max by (hw_id, hw_name) (${series('gpuMemoryLimit')})`),
    ask(`max by (hw_id) (${series('gpuUtilization')})`),
    ask(`max by (hw_id) (${series('gpuMemoryUtilization')})`),
    ask(`max by (hw_id) (${series('gpuPower')})`),
    ask(`max by (hw_id) (${series('gpuTemperature')})`),
  ]);
  return gpus.map(({ labels: { hw_id: id = '', hw_name: name = '' } }) => ({
    id,
    name,
    busy: of(busy, 'hw_id', id),
    memory: of(memory, 'hw_id', id),
    watts: of(watts, 'hw_id', id),
    celsius: of(celsius, 'hw_id', id),
  }));
}

async function readPipeline({ window, one }: Questions): Promise<Summary['pipeline']> {
  const [made, exported, dropped, missing, spooled, fullestQueue, up, servers] = await Promise.all([
    one(rateBy('telemetryMade', [], {}, window)),
    one(rateBy('telemetryExported', [], {}, window)),
    one(`${increaseBy('telemetryDropped', [], {}, window)} + ${increaseBy('telemetryRefused', [], {}, window)}`),
    one(`sum(abs(${series('telemetryMissing')}))`),
    one(`sum(${series('telemetrySpooled')})`),
    one(`max(${other('collectorQueueSize')} / ${other('collectorQueueCapacity')})`),
    one(`sum(${other('up')})`),
    one(`count(${other('up')})`),
  ]);
  return {
    ...{ made: made ?? 0, exported: exported ?? 0, dropped: Math.round(dropped ?? 0), missing: missing ?? 0 },
    ...{ spooled: spooled ?? 0, fullestQueue, servers: { up: up ?? 0, of: servers ?? 0 } },
  };
}

async function readAlerts({ ask }: Questions): Promise<Summary['alerts']> {
  const alerts = await ask(faultsNow());
  return alerts.flatMap(({ labels: { alertname = '', severity = '', model = '', ...others }, value }) =>
    Array.from({ length: value ?? 1 }, () => ({
      alert: alertname,
      severity,
      model,
      about: [model, ...subjects.map((label) => others[label])].filter((text) => text).join(' '),
    })),
  );
}

/** The labels that say what an alert is about, where there is room for a few words. */
const subjects = ['dataset', 'endpoint', 'instance', 'hw_name', 'exporter', 'kind'];
const breakerStates = ['closed', 'half-open', 'open'] as const;

type Sample = { labels: Record<string, string>; value: number | null };

function of(samples: readonly Sample[], label: string, value: string): number | null {
  return samples.find(({ labels }) => labels[label] === value)?.value ?? null;
}

async function query(metrics: MetricsStore, expr: string): Promise<Sample[]> {
  const { name, url } = metrics;
  const { title } = store(name);
  const asked = new URLSearchParams({ query: name === 'victoriametrics' ? asMetricsql(expr) : expr });
  const answer = await askPort(metrics, `/api/v1/query?${asked}`, { timeoutMs: 10_000 }).catch((error: Error) => {
    throw new StackFailure(
      `Cannot read the summary: ${title} at ${error.message}; start the stack with \`vitrine up\`, or name another one with --prometheus.`,
      { cause: error },
    );
  });
  if (!answer.ok)
    throw new StackFailure(
      `Cannot read the summary: ${title} at ${url} answered ${answer.status}: ${answer.text.slice(0, 200)}; see \`vitrine logs ${name}\`.`,
    );
  const { data } = JSON.parse(answer.text) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value: [, text] }) => {
    const value = Number(text);
    return { labels: metric, value: Number.isFinite(value) ? value : null };
  });
}
