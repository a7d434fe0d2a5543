// Everything that Vitrine tells of itself, in one table: metrics, spans and attributes, with unit, meaning and buckets.
// docs/telemetry.md is generated from it. OpenTelemetry's conventional names where they exist, ours where they do not.

type Metric = {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  unit: string;
  says: string;
  attributes: readonly string[];
  buckets?: readonly number[];
};

const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

export const metricNames = {
  heartbeat: {
    name: 'vitrine.heartbeat.timestamp',
    kind: 'gauge',
    unit: 's',
    says: 'The moment of the last export, in Unix seconds; 0 once the instance stopped in an orderly way. A pushed service has no `up`: ServiceDown reads this.',
    attributes: [],
  },
  httpRequests: {
    name: 'http.requests',
    kind: 'counter',
    unit: '',
    says: 'Requests answered.',
    attributes: ['method', 'endpoint', 'status'],
  },
  httpRequestSeconds: {
    name: 'http.request.duration',
    kind: 'histogram',
    unit: 's',
    says: 'From the first byte of the request to the last of the answer.',
    attributes: ['method', 'endpoint'],
    buckets: requestSeconds,
  },
  telemetryMade: {
    name: 'vitrine.telemetry.made',
    kind: 'counter',
    unit: '',
    says: 'Spans, log records and metric points told by this process.',
    attributes: ['signal'],
  },
  telemetryRecovered: {
    name: 'vitrine.telemetry.recovered',
    kind: 'counter',
    unit: '',
    says: 'Items that an earlier process had left in the spool.',
    attributes: ['signal'],
  },
  telemetryExported: {
    name: 'vitrine.telemetry.exported',
    kind: 'counter',
    unit: '',
    says: 'Items that the Collector acknowledged.',
    attributes: ['signal'],
  },
  telemetryReplayed: {
    name: 'vitrine.telemetry.replayed',
    kind: 'counter',
    unit: '',
    says: 'Of the exported: items that had waited in the spool.',
    attributes: ['signal'],
  },
  telemetryRefused: {
    name: 'vitrine.telemetry.refused',
    kind: 'counter',
    unit: '',
    says: 'Items that the Collector refused for good.',
    attributes: ['signal'],
  },
  telemetryDropped: {
    name: 'vitrine.telemetry.dropped',
    kind: 'counter',
    unit: '',
    says: 'Items given up, by reason.',
    attributes: ['signal', 'reason'],
  },
  telemetryMemory: {
    name: 'vitrine.telemetry.memory',
    kind: 'gauge',
    unit: '',
    says: 'Items waiting in memory or on their way.',
    attributes: ['signal'],
  },
  telemetrySpooled: {
    name: 'vitrine.telemetry.spooled',
    kind: 'gauge',
    unit: '',
    says: 'Items waiting in the spool.',
    attributes: ['signal'],
  },
  telemetrySpooledBytes: {
    name: 'vitrine.telemetry.spool.size',
    kind: 'gauge',
    unit: 'By',
    says: 'What the spool takes of the disk.',
    attributes: ['signal'],
  },
  telemetryMissing: {
    name: 'vitrine.telemetry.missing',
    kind: 'gauge',
    unit: '',
    says: 'What the ledger cannot account for: made and recovered, less everything else. Anything but 0 is a defect.',
    attributes: ['signal'],
  },
  spoolWritable: {
    name: 'vitrine.telemetry.spool.writable',
    kind: 'gauge',
    unit: '',
    says: '1 while the spool can be written, else 0.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricNames;

export const attributeNames = {
  logStream: {
    name: 'log.stream',
    says: 'app, audit or security: a resource attribute of log records, since Loki’s retention goes by it.',
  },
  logger: { name: 'logger', says: 'Which of the service’s loggers wrote the line: app, access, security, audit.' },
  eventType: {
    name: 'event_type',
    says: 'What happened, in one word that does not change: http_request, service_start, telemetry_refused …',
  },
  requestId: { name: 'request.id', says: 'The caller’s X-Request-Id where it is well-formed, else ours.' },
} as const;

/** The instrumentation scope of all of it. */
export const scopeName = 'vitrine';
