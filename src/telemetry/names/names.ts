import { collectorMetrics } from './collector.ts';
import { databaseMetrics } from './database.ts';
import { gpuMetrics } from './gpu.ts';
import { hostMetrics } from './host.ts';
import { inferenceMetrics } from './inference.ts';
import type { Metric } from './metric.ts';
import { pipelineMetrics } from './pipeline.ts';
import { processMetrics } from './processes.ts';
import { receiverMetrics } from './receiver.ts';
import { requestMetrics } from './requests.ts';
import { taskMetrics } from './tasks.ts';

// All telemetry of Vitrine in one table: metrics, spans and attributes, with unit, meaning and
// buckets. docs/telemetry.md is generated from it. Names are OpenTelemetry's where they exist, else
// older ones.

export const metricNames = {
  ...requestMetrics,
  ...inferenceMetrics,
  ...taskMetrics,
  ...databaseMetrics,
  ...gpuMetrics,
  ...hostMetrics,
  ...processMetrics,
  ...pipelineMetrics,
  ...receiverMetrics,
  ...collectorMetrics,
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricNames;

export { attribute, attributeNames } from './attributes.ts';
export { type SpanName, spanNames } from './spans.ts';

/** The instrumentation scope of all telemetry. */
export const scopeName = 'vitrine';
