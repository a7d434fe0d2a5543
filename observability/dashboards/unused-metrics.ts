import type { MetricName } from '../../src/telemetry/names/names.ts';

/**
 * Metrics that no panel and no rule reads, and why they exist. A test finds missing and stale rows.
 */
export const unusedMetrics: Readonly<Partial<Record<MetricName, string>>> = {
  httpExchange: 'It changes with the version of Node alone: the log says it at the start, and docs/performance.md why.',
  spanCalls: 'A sample, made by the Collector’s span_metrics: no panel and no rule may read it.',
  spanSeconds: 'A sample, made by the Collector’s span_metrics: no panel and no rule may read it.',
  httpServerSeconds:
    'By the convention’s name, for other people’s dashboards: ours draw http.request.duration, the same requests.',
  httpServerActive: 'By the convention’s name, for other people’s dashboards.',
  httpServerBodyBytes: 'By the convention’s name, for other people’s dashboards.',
  httpServerAnswerBytes: 'By the convention’s name, for other people’s dashboards.',
  eventLoopDelayMin:
    'From the official instrumentation; the median, the 90th and 99th percentile and the most are drawn.',
  eventLoopDelayMean: 'From the official instrumentation; percentiles say more than a mean.',
  eventLoopDelayDeviation: 'From the official instrumentation; percentiles say more than a deviation.',
  eventLoopTime: 'From the official instrumentation; its utilisation, worked out of this, is drawn.',
  heapAvailable: 'From the official instrumentation; what is left is the size less what is used, and both are drawn.',
  generationStatistic:
    'For the dashboards of a system that knew these names (the system generation); percentiles and means of ours are drawn from the histograms.',
  databaseConnections: 'Only with PostgreSQL; docs/replicas.md says how to read it.',
  databaseConnectionsWaiting: 'Only with PostgreSQL; docs/replicas.md says how to read it.',
  databaseQuerySeconds: 'Only with PostgreSQL; docs/replicas.md says how to read it.',
  databaseWaitSeconds: 'Only with PostgreSQL; docs/replicas.md says how to read it.',
  modelPlaces: 'Only with places that are downloaded; docs/models-from-elsewhere.md says how to read it.',
  modelDownloadBytes: 'Only with places that are downloaded; docs/models-from-elsewhere.md says how to read it.',
  inferencePadding: 'Only of models with batching.padding; docs/padding.md says how to read it.',
  firstPartSeconds: 'Only of answers that are streamed; docs/tasks.md says how to read it.',
  rpcSeconds:
    'By the convention’s name, for other people’s dashboards: our panels count gRPC calls among the requests.',
  inferenceLaneCpu: '`vitrine audit` compares it with what tenants were charged, which is drawn.',
  identityChecks: 'What callers are refused is drawn by failure; docs/identity.md has this one.',
  processesReady: 'Each process is an instance in every panel, and /health/detailed lists them.',
  processRestarts: 'The alert on instances that are started again and again reads their start times.',
  quotaLeases: 'What clients are refused is drawn; this says what the sharing of quotas costs.',
  heapPhysical: 'From the official instrumentation; the resident memory of the process is drawn.',
};
