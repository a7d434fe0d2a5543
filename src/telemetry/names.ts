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

const stageSeconds = [
  0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const ofGpu = ['hw.id', 'hw.name', 'hw.type'] as const;

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
  inferenceStageSeconds: {
    name: 'inference.stage.duration',
    kind: 'histogram',
    unit: 's',
    says: 'The time account: how long a request was received, decoded, queued, assembled, run, split, encoded, sent.',
    attributes: ['model', 'stage'],
    buckets: stageSeconds,
  },
  inferenceRestSeconds: {
    name: 'inference.rest.duration',
    kind: 'histogram',
    unit: 's',
    says: 'What of a request’s time no stage accounts for.',
    attributes: ['model'],
    buckets: stageSeconds,
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
  receiverAccepted: {
    name: 'vitrine.receiver.accepted',
    kind: 'counter',
    unit: '',
    says: 'What the receiver took and told on: alert states, release marks, and event lines by their kind.',
    attributes: ['door', 'what'],
  },
  receiverRepeated: {
    name: 'vitrine.receiver.repeated',
    kind: 'counter',
    unit: '',
    says: 'Deliveries that the receiver had taken before, and did not tell again.',
    attributes: ['door'],
  },
  receiverRefused: {
    name: 'vitrine.receiver.refused',
    kind: 'counter',
    unit: '',
    says: 'Requests that the receiver refused, by the failure’s code; `connections` are those closed at the door.',
    attributes: ['door', 'reason'],
  },
  receiverForgotten: {
    name: 'vitrine.receiver.forgotten',
    kind: 'counter',
    unit: '',
    says: 'What the receiver let go because of a limit of age or number: remembered deliveries, firing alerts, pushed series.',
    attributes: ['what'],
  },
  receiverFiring: {
    name: 'vitrine.receiver.alerts.firing',
    kind: 'gauge',
    unit: '',
    says: 'Alerts that are firing, as the receiver was told.',
    attributes: ['alertname', 'severity'],
  },
  receiverSeries: {
    name: 'vitrine.receiver.series',
    kind: 'gauge',
    unit: '',
    says: 'Series that scripts pushed through /events and that are told now.',
    attributes: [],
  },
  gpuUtilization: {
    name: 'hw.gpu.utilization',
    kind: 'gauge',
    unit: '1',
    says: 'Part of the last sample period (the driver’s own, up to a second) in which the GPU computed.',
    attributes: [...ofGpu, 'hw.gpu.task'],
  },
  gpuMemoryUsage: {
    name: 'hw.gpu.memory.usage',
    kind: 'gauge',
    unit: 'By',
    says: 'GPU memory in use, the driver’s own reserve included.',
    attributes: [...ofGpu],
  },
  gpuMemoryLimit: {
    name: 'hw.gpu.memory.limit',
    kind: 'gauge',
    unit: 'By',
    says: 'GPU memory there is.',
    attributes: [...ofGpu],
  },
  gpuMemoryUtilization: {
    name: 'hw.gpu.memory.utilization',
    kind: 'gauge',
    unit: '1',
    says: 'Part of the GPU’s memory that is in use.',
    attributes: [...ofGpu],
  },
  gpuPower: {
    name: 'hw.power',
    kind: 'gauge',
    unit: 'W',
    says: 'What the GPU draws.',
    attributes: [...ofGpu],
  },
  gpuPowerLimit: {
    name: 'hw.gpu.power.limit',
    kind: 'gauge',
    unit: 'W',
    says: 'What the GPU may draw at most, as enforced now.',
    attributes: [...ofGpu],
  },
  gpuEnergy: {
    name: 'hw.energy',
    kind: 'counter',
    unit: 'J',
    says: 'What the GPU has used since its driver was loaded, by the GPU’s own counter.',
    attributes: [...ofGpu],
  },
  gpuTemperature: {
    name: 'hw.temperature',
    kind: 'gauge',
    unit: 'Cel',
    says: 'Of the GPU’s chip.',
    attributes: [...ofGpu],
  },
  gpuClock: {
    name: 'hw.gpu.clock',
    kind: 'gauge',
    unit: 'Hz',
    says: 'The clock as it is now.',
    attributes: [...ofGpu, 'hw.gpu.clock.type'],
  },
  gpuThrottle: {
    name: 'hw.gpu.throttle',
    kind: 'gauge',
    unit: '',
    says: '1 while the clocks are held down for this reason, else 0. gpu_idle is no fault: there is nothing to do.',
    attributes: [...ofGpu, 'hw.gpu.throttle.reason'],
  },
  gpuErrors: {
    name: 'hw.errors',
    kind: 'counter',
    unit: '{error}',
    says: 'ECC errors over the life of the GPU: ecc_corrected, ecc_uncorrected.',
    attributes: [...ofGpu, 'error.type'],
  },
  gpuProcesses: {
    name: 'hw.gpu.processes',
    kind: 'gauge',
    unit: '',
    says: 'Processes with work on the GPU: vitrine (the service and its lanes) or other. Inside a container the driver often names none.',
    attributes: [...ofGpu, 'hw.gpu.process.owner'],
  },
  gpuProcessMemory: {
    name: 'hw.gpu.process.memory.usage',
    kind: 'gauge',
    unit: 'By',
    says: 'GPU memory that these processes hold.',
    attributes: [...ofGpu, 'hw.gpu.process.owner'],
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
  alertName: { name: 'alert.name', says: 'An alert’s `alertname`.' },
  alertState: {
    name: 'alert.state',
    says: 'firing, resolved, or expired when nobody repeated it for VITRINE_RECEIVER_FIRING_AGE_MS_MAX.',
  },
  alertSeverity: { name: 'alert.severity', says: 'An alert’s severity: critical, warning, info or other.' },
  alertFingerprint: { name: 'alert.fingerprint', says: 'What identifies an alert: the sender’s hash of its labels.' },
  alertSource: { name: 'alert.source', says: 'Who sent the alert: alertmanager or grafana.' },
  alertStartsAt: { name: 'alert.starts_at', says: 'Since when the alert fires.' },
  alertEndsAt: { name: 'alert.ends_at', says: 'When a resolved alert ended.' },
  alertCut: { name: 'alert.cut', says: 'True: labels or annotations were over a limit and are not complete.' },
  alertLabel: { name: 'alert.label', says: 'Prefix of an alert’s labels: alert.label.<name>.' },
  alertAnnotation: { name: 'alert.annotation', says: 'Prefix of an alert’s annotations: alert.annotation.<name>.' },
  alertLink: {
    name: 'alert.link',
    says: 'Prefix of an alert’s links: generator, sender, silence, dashboard, panel, runbook.',
  },
  deployService: { name: 'deploy.service', says: 'What was released.' },
  deployVersion: { name: 'deploy.version', says: 'Which version was released.' },
  deployEnvironment: { name: 'deploy.environment', says: 'Where it was released to.' },
  deployCommit: { name: 'deploy.commit', says: 'The commit it was built from.' },
  deployBy: { name: 'deploy.by', says: 'Who or what released it.' },
  deployNote: { name: 'deploy.note', says: 'What the releaser says about it.' },
  deployLink: { name: 'deploy.link', says: 'Where to read on about it.' },
  deployAt: { name: 'deploy.at', says: 'When it was released, where the sender says so.' },
  eventName: { name: 'event.name', says: 'What a script calls the event that it pushed through /events.' },
  eventMessage: { name: 'event.message', says: 'What the script says about it.' },
  eventLabel: { name: 'event.label', says: 'Prefix of a pushed event’s labels: event.label.<name>.' },
  hwId: { name: 'hw.id', says: 'Which GPU, by the UUID that its driver gives; on spans of runs too.' },
  gpuClockType: { name: 'hw.gpu.clock.type', says: 'graphics, sm, memory or video.' },
  gpuThrottleReason: {
    name: 'hw.gpu.throttle.reason',
    says: 'Why the clocks are held down: gpu_idle, applications_clocks, sw_power_cap, hw_slowdown, sync_boost, sw_thermal, hw_thermal, hw_power_brake, display_clocks, or other for what this version does not know.',
  },
  gpuProcessOwner: {
    name: 'hw.gpu.process.owner',
    says: 'vitrine: the service and its children, by process id; other: everybody else.',
  },
} as const;

/** The instrumentation scope of all of it. */
export const scopeName = 'vitrine';
