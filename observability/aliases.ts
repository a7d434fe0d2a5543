import type { MetricName } from '../src/telemetry/names/names.ts';

/**
 * The monitoring set-ups that Vitrine replaces, by what each watched. Alerts carry them as
 * `system`.
 */
export const systems = {
  generation: 'a service that generates audio from text (metric prefix `fugatto_`), with its basic monitoring',
  'generation-guide': 'the same service with its full monitoring guide: health in detail, security log, Kubernetes',
  separation: 'a service that separates music into stems',
  datasets: 'a batch pipeline that scores datasets of audio',
  microstructure: 'a service that makes microstructures of alloys by diffusion (metric prefix `microdiff_`)',
  opentelemetry: 'dashboards that know OpenTelemetry’s names: self-metrics of an SDK, and V8’s heap',
} as const;
export type System = keyof typeof systems;

/** A name under which a metric was known in another system, made by the Collector from ours. */
export type Alias = {
  /** As in Prometheus. */
  name: string;
  /** As the convention has it; absent: as in Prometheus, without a unit. */
  convention?: { readonly name: string; readonly unit: string; readonly kind?: 'up-down counter' };
  /** Labels that are always the same. */
  always?: Readonly<Record<string, string>>;
  system: System;
  of: MetricName;
  /** Its labels and our attributes that they are; of other attributes it knows nothing. */
  labels: Readonly<Record<string, string>>;
  /** Only the points with this attribute. */
  only?: readonly [attribute: string, value: string];
  /** How points are put together that differ only in what the alias does not know. */
  combine?: 'sum' | 'mean';
  /** How the value differs: the ratio in percent, or 100 minus that. */
  value?: 'percent' | 'percent of the rest';
  /** A label that says true or false: whether our attribute has this value. */
  truth?: readonly [label: string, attribute: string, value: string];
  /**
   * `status` is `success`, `rejected` (4xx) or `error`, as that system's rules expect; `code` has
   * ours.
   */
  outcome?: true;
};

const requests = {
  of: 'httpRequests',
  labels: { method: 'method', endpoint: 'endpoint', status: 'status' },
  combine: 'sum',
} as const;
const seconds = { of: 'httpRequestSeconds', labels: { method: 'method', endpoint: 'endpoint' } } as const;
const used = ['system.memory.state', 'used'] as const;
const free = ['system.memory.state', 'free'] as const;

/** Of each signal: what OpenTelemetry calls its items. */
const items = { traces: 'span', logs: 'log', metrics: 'metric_data_point' } as const;
const components = {
  traces: 'vitrine_span',
  logs: 'vitrine_log',
  metrics: 'vitrine_metric',
} as const;

/** The ledger by the names of an SDK’s self-metrics. */
const selfMetrics = (['traces', 'logs', 'metrics'] as const).flatMap((signal): Alias[] => {
  const item = items[signal];
  const common = { system: 'opentelemetry', labels: {}, only: ['signal', signal] } as const;
  const unit = signal === 'metrics' ? '{data_point}' : signal === 'logs' ? '{log_record}' : '{span}';
  const component = (kind: string) => ({
    'otel.component.type': `${components[signal]}_${kind}`,
    'otel.component.name': `${components[signal]}_${kind}/0`,
  });
  const exported: Alias = {
    ...common,
    name: `otel_sdk_exporter_${item}_exported_total`,
    convention: { name: `otel.sdk.exporter.${item}.exported`, unit },
    of: 'telemetryExported',
    always: component('exporter'),
  };
  // The SDK’s reader has no queue.
  if (signal === 'metrics') return [exported];
  return [
    exported,
    {
      ...common,
      name: `otel_sdk_processor_${item}_queue_size`,
      convention: { name: `otel.sdk.processor.${item}.queue.size`, unit, kind: 'up-down counter' },
      of: 'telemetryMemory',
      always: component('processor'),
    },
    signal === 'logs'
      ? {
          ...common,
          name: 'otel_sdk_log_created_total',
          convention: { name: 'otel.sdk.log.created', unit },
          of: 'telemetryMade',
        }
      : {
          ...common,
          name: 'otel_sdk_span_started_total',
          convention: { name: 'otel.sdk.span.started', unit },
          of: 'telemetryMade',
          always: { 'otel.span.sampling_result': 'RECORD_AND_SAMPLE' },
        },
  ];
});

const ofHeapSpace = { labels: { 'v8js.heap.space.name': 'v8js.heap.space.name' }, system: 'opentelemetry' } as const;

/** What the instrumentation calls otherwise than the convention. */
const heapMetrics: readonly Alias[] = [
  {
    ...ofHeapSpace,
    name: 'v8js_memory_heap_limit_bytes',
    convention: { name: 'v8js.memory.heap.limit', unit: 'By' },
    of: 'heapSize',
  },
  {
    ...ofHeapSpace,
    name: 'v8js_heap_space_available_size_bytes',
    convention: { name: 'v8js.heap.space.available_size', unit: 'By', kind: 'up-down counter' },
    of: 'heapAvailable',
  },
  {
    ...ofHeapSpace,
    name: 'v8js_heap_space_physical_size_bytes',
    convention: { name: 'v8js.heap.space.physical_size', unit: 'By', kind: 'up-down counter' },
    of: 'heapPhysical',
  },
];

/** For existing dashboards and rules: otel-collector/compat.yaml is generated from this table. */
export const aliases: readonly Alias[] = [
  { name: 'api_requests_total', system: 'generation', ...requests, outcome: true },
  { name: 'api_request_duration_seconds', system: 'generation', ...seconds },
  // Its exporter puts a prefix before its names.
  { name: 'fugatto_api_requests_total', system: 'generation', ...requests, outcome: true },
  {
    name: 'fugatto_audio_generation_errors_total',
    system: 'generation',
    of: 'generationErrors',
    labels: { error_type: 'error_type' },
  },
  ...(['avg', 'min', 'max'] as const).map((statistic) => ({
    name: `fugatto_audio_generation_duration_seconds_${statistic}`,
    system: 'generation' as const,
    of: 'generationStatistic' as const,
    labels: { model: 'model' },
    only: ['statistic', statistic] as const,
  })),
  {
    name: 'fugatto_audio_generation_duration_seconds',
    system: 'generation',
    of: 'generationSeconds',
    labels: { model: 'model' },
    combine: 'sum',
  },

  {
    name: 'cpu_usage_percent',
    system: 'separation',
    of: 'systemCpuUtilization',
    labels: {},
    only: ['cpu.mode', 'idle'],
    value: 'percent of the rest',
    combine: 'mean',
  },
  { name: 'memory_usage_bytes', system: 'separation', of: 'systemMemory', labels: {}, only: used },
  { name: 'memory_available_bytes', system: 'separation', of: 'systemMemory', labels: {}, only: free },
  {
    name: 'memory_percent',
    system: 'separation',
    of: 'systemMemoryUtilization',
    labels: {},
    only: used,
    value: 'percent',
  },
  {
    name: 'disk_usage_bytes',
    system: 'separation',
    of: 'dataDisk',
    labels: {},
    only: ['system.filesystem.state', 'used'],
  },
  {
    name: 'disk_free_bytes',
    system: 'separation',
    of: 'dataDisk',
    labels: {},
    only: ['system.filesystem.state', 'free'],
  },
  { name: 'gpu_memory_used_bytes', system: 'separation', of: 'gpuMemoryUsage', labels: { gpu_id: 'hw.id' } },
  {
    name: 'gpu_utilization_percent',
    system: 'separation',
    of: 'gpuUtilization',
    labels: { gpu_id: 'hw.id' },
    only: ['hw.gpu.task', 'general'],
    value: 'percent',
  },

  { name: 'gpu_memory_usage_bytes', system: 'datasets', of: 'gpuMemoryUsage', labels: { gpu_id: 'hw.id' } },
  { name: 'gpu_memory_total_bytes', system: 'datasets', of: 'gpuMemoryLimit', labels: { gpu_id: 'hw.id' } },

  { name: 'fugatto_requests_total', system: 'generation-guide', ...requests },
  { name: 'fugatto_request_duration_seconds', system: 'generation-guide', ...seconds },
  {
    name: 'fugatto_audio_generations_total',
    system: 'generation-guide',
    of: 'generations',
    labels: { model: 'model', status: 'status' },
    truth: ['success', 'status', 'success'],
    outcome: true,
  },
  {
    name: 'fugatto_audio_generation_seconds',
    system: 'generation-guide',
    of: 'generationSeconds',
    labels: { model: 'model', duration_seconds: 'duration' },
  },
  {
    name: 'fugatto_model_load_seconds',
    system: 'generation-guide',
    of: 'modelLoadSeconds',
    labels: { model: 'model' },
  },
  { name: 'fugatto_active_models', system: 'generation-guide', of: 'modelsLoaded', labels: {} },
  { name: 'fugatto_memory_usage_bytes', system: 'generation-guide', of: 'systemMemory', labels: {}, only: used },
  {
    name: 'fugatto_gpu_utilization_percent',
    system: 'generation-guide',
    of: 'gpuUtilization',
    labels: { gpu_id: 'hw.id' },
    only: ['hw.gpu.task', 'general'],
    value: 'percent',
  },
  {
    name: 'fugatto_gpu_memory_usage_bytes',
    system: 'generation-guide',
    of: 'gpuMemoryUsage',
    labels: { gpu_id: 'hw.id' },
  },

  { name: 'microdiff_requests_total', system: 'microstructure', ...requests, outcome: true },
  { name: 'microdiff_request_duration_seconds', system: 'microstructure', ...seconds },
  {
    name: 'microdiff_model_inference_duration_seconds',
    system: 'microstructure',
    of: 'modelInferenceSeconds',
    labels: { model_type: 'model_type', alloy: 'alloy' },
    combine: 'sum',
  },
  {
    name: 'microdiff_model_accuracy',
    system: 'microstructure',
    of: 'modelAccuracy',
    labels: { model_type: 'model_type', validation_set: 'validation_set' },
  },
  { name: 'microdiff_active_connections', system: 'microstructure', of: 'activeConnections', labels: {} },
  {
    name: 'microdiff_gpu_memory_usage_bytes',
    system: 'microstructure',
    of: 'gpuMemoryUsage',
    labels: { device: 'hw.id' },
  },

  ...selfMetrics,
  ...heapMetrics,
];

export function labelsOf({ labels, truth, outcome, always = {} }: Alias): string[] {
  return [...Object.keys(always), ...Object.keys(labels), ...(truth ? [truth[0]] : []), ...(outcome ? ['code'] : [])];
}
