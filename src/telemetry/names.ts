import { collectorMetrics } from './names/collector.ts';
import { gpuMetrics } from './names/gpu.ts';
import { hostMetrics } from './names/host.ts';
import { inferenceMetrics } from './names/inference.ts';
import type { Metric } from './names/metric.ts';
import { pipelineMetrics } from './names/pipeline.ts';
import { receiverMetrics } from './names/receiver.ts';
import { requestMetrics } from './names/requests.ts';
import { taskMetrics } from './names/tasks.ts';

// Everything that Vitrine tells of itself, in one table: metrics, spans and attributes, with unit, meaning and buckets. names/ has it by subject;
// docs/telemetry.md is generated from it. OpenTelemetry's conventional names where they exist, those of systems people have where they do not.

export const metricNames = {
  ...requestMetrics,
  ...inferenceMetrics,
  ...taskMetrics,
  ...gpuMetrics,
  ...hostMetrics,
  ...pipelineMetrics,
  ...receiverMetrics,
  ...collectorMetrics,
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricNames;

export { attributeNames } from './names/attributes.ts';
export { type SpanName, spanNames } from './names/spans.ts';

/** The instrumentation scope of all of it. */
export const scopeName = 'vitrine';
