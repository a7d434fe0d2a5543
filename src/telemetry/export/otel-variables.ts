/**
 * What happens to a variable of OpenTelemetry's specification. docs/opentelemetry-variables.md is
 * generated from these rows.
 */
export type OtelVariable = {
  /** `ignored`: one warning at the start names it. `only`: another value ends the start. */
  readonly fate: 'honoured' | 'ignored' | 'only';
  /** The values that are taken, where the fate is `only`. */
  readonly values?: readonly string[];
  readonly says: string;
};

const honoured = (says: string): OtelVariable => ({ fate: 'honoured', says });
const ignored = (says: string): OtelVariable => ({ fate: 'ignored', says });
const only = (values: readonly string[], says: string): OtelVariable => ({ fate: 'only', values, says });

/** The variables of OTLP, of which each signal can have its own. */
export const otlpParts = {
  ENDPOINT: honoured('Where the Collector is, OTLP over gRPC: `http://` is plain, `https://` is TLS.'),
  INSECURE: honoured('Only for an endpoint without a scheme: `true` is plain, else TLS.'),
  CERTIFICATE: honoured(
    'PEM file with the authority of the Collector’s certificate; without it, the authorities that Node knows.',
  ),
  CLIENT_CERTIFICATE: honoured('PEM file with the certificate that the service presents.'),
  CLIENT_KEY: honoured('PEM file with its private key. All three files are read again when they change.'),
  HEADERS: honoured('`name=value` with commas between, sent with each export; values are percent-encoded.'),
  COMPRESSION: only(['gzip', 'none'], 'Whether exports are compressed. Without it they are not.'),
  TIMEOUT: honoured('How long one export may take, in milliseconds; without it, VITRINE_TELEMETRY_TIMEOUT_MS.'),
  PROTOCOL: only(['grpc'], 'Telemetry leaves by OTLP over gRPC only.'),
} as const satisfies Record<string, OtelVariable>;

export type OtlpPart = keyof typeof otlpParts;

/** Set by the service itself: a process that it starts inherits them. */
export const ourInstrumentations = 'undici,runtime-node,host-metrics';

const sampling =
  'The service decides what is stored when a request has ended (VITRINE_TRACE_FIRST_PER_SECOND, VITRINE_TRACE_SLOW_MS and the trace settings of a model).';
const outbox =
  'Batches are made by VITRINE_TELEMETRY_BATCH_ITEMS_MAX, VITRINE_TELEMETRY_MEMORY_ITEMS_MAX and VITRINE_TELEMETRY_WAIT_MS_MAX.';
const attributeLimits =
  'No attribute of the service is unbounded, and the Collector cuts at 128 attributes and 32 KiB.';

const others: Record<string, OtelVariable> = {
  OTEL_SDK_DISABLED: honoured('Switches all telemetry off.'),
  OTEL_RESOURCE_ATTRIBUTES: honoured(
    'Joins the resource of all signals. What it says counts before what the service knows.',
  ),
  OTEL_SERVICE_NAME: honoured('The name of the service. The receiver takes it too: set it for one of them.'),
  OTEL_METRIC_EXPORT_INTERVAL: honoured('How often metrics are exported.'),
  OTEL_CONFIG_FILE: honoured('A file of OpenTelemetry’s declarative configuration; see below.'),
  OTEL_PROPAGATORS: only(
    ['tracecontext', 'tracecontext,baggage', 'baggage,tracecontext'],
    'Trace context is read and sent; baggage is not.',
  ),
  OTEL_TRACES_EXPORTER: only(['otlp'], 'Other ways out do not exist. TRACING_ENABLED switches spans off.'),
  OTEL_METRICS_EXPORTER: only(['otlp'], 'Other ways out do not exist. METRICS_ENABLED switches metrics off.'),
  OTEL_LOGS_EXPORTER: only(['otlp'], 'Other ways out do not exist. LOG_LEVEL says what is logged.'),
  OTEL_TRACES_SAMPLER: ignored(sampling),
  OTEL_TRACES_SAMPLER_ARG: ignored(sampling),
  OTEL_LOG_LEVEL: ignored(
    'What the SDK has to say is printed from warnings on; LOG_LEVEL is for the service’s own lines.',
  ),
  OTEL_BSP_SCHEDULE_DELAY: ignored(outbox),
  OTEL_BSP_EXPORT_TIMEOUT: ignored(outbox),
  OTEL_BSP_MAX_QUEUE_SIZE: ignored(outbox),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: ignored(outbox),
  OTEL_BLRP_SCHEDULE_DELAY: ignored(outbox),
  OTEL_BLRP_EXPORT_TIMEOUT: ignored(outbox),
  OTEL_BLRP_MAX_QUEUE_SIZE: ignored(outbox),
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: ignored(outbox),
  OTEL_METRIC_EXPORT_TIMEOUT: ignored('An export may take as long as OTEL_EXPORTER_OTLP_TIMEOUT says.'),
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: ignored(attributeLimits),
  OTEL_ATTRIBUTE_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: ignored(attributeLimits),
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_SPAN_EVENT_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_SPAN_LINK_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: ignored(attributeLimits),
  OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: ignored(attributeLimits),
  OTEL_METRICS_EXEMPLAR_FILTER: ignored('Exemplars are of stored requests, so that each of them opens.'),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: only(
    ['cumulative'],
    'Counts are cumulative: no store here takes deltas.',
  ),
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: ignored(
    'Each duration has explicit buckets and an exponential twin.',
  ),
  OTEL_NODE_RESOURCE_DETECTORS: ignored('The service finds out its host, container and process itself.'),
  OTEL_NODE_ENABLED_INSTRUMENTATIONS: ignored(
    'What surrounds the service is chosen by it: outgoing HTTP, runtime, host.',
  ),
  OTEL_NODE_DISABLED_INSTRUMENTATIONS: ignored(
    'What surrounds the service is chosen by it: outgoing HTTP, runtime, host.',
  ),
  OTEL_SEMCONV_STABILITY_OPT_IN: ignored('Names are the stable ones.'),
};

const otlpSignals = ['', 'TRACES_', 'METRICS_', 'LOGS_'] as const;

/** Every variable that this version knows. */
export const otelVariables: Readonly<Record<string, OtelVariable>> = {
  ...Object.fromEntries(
    otlpSignals.flatMap((signal) =>
      Object.entries<OtelVariable>(otlpParts).map(([part, row]) => [`OTEL_EXPORTER_OTLP_${signal}${part}`, row]),
    ),
  ),
  ...others,
};
