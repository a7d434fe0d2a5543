import type { Metric } from './metric.ts';

const bySpanMetrics = {
  from: 'the Collector, by span_metrics',
  optional: ['http.route', 'inference.model.name', 'error.type'],
} as const;
const ofSpan = [
  'service.name',
  'span.name',
  'span.kind',
  'status.code',
  'http.route',
  'inference.model.name',
  'error.type',
  'collector.instance.id',
] as const;
const byCount = { from: 'the Collector, by count', kind: 'counter', unit: '', attributes: [] } as const;

/** What the Collector makes of what passes through it. */
export const collectorMetrics = {
  spanCalls: {
    ...bySpanMetrics,
    name: 'traces.span.metrics.calls',
    kind: 'counter',
    unit: '',
    says: 'Spans of kept traces: a sample. No panel and no rule reads it.',
    attributes: ofSpan,
  },
  spanSeconds: {
    ...bySpanMetrics,
    name: 'traces.span.metrics.duration',
    kind: 'histogram',
    unit: 's',
    says: 'Durations of spans of kept traces: a sample, there for its exemplars, each of which leads to its trace.',
    attributes: ofSpan,
  },
  redactedSpans: { ...byCount, name: 'collector.redacted.spans', says: 'Spans in which something was masked.' },
  redactedSpanEvents: {
    ...byCount,
    name: 'collector.redacted.span_events',
    says: 'Span events in which something was masked.',
  },
  redactedLogRecords: {
    ...byCount,
    name: 'collector.redacted.log_records',
    says: 'Log records in which something was masked.',
  },
} as const satisfies Record<string, Metric>;
