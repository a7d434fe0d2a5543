import { join } from 'node:path';
import { DiagLogLevel, diag, type Logger, type LogRecord } from '@opentelemetry/api';
import { logs as bridgedLogs } from '@opentelemetry/api-logs';
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import {
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Config } from '../../config.ts';
import { version } from '../../version.ts';
import { observeEventLoopDelay } from '../host/event-loop-delay.ts';
import { hostAttributes } from '../host/host-attributes.ts';
import { observeHost } from '../host/host-metrics.ts';
import { log, logStreams, sayOnConsole, setConsole, setLogLevel, streamOf } from '../logger.ts';
import type { Meter } from '../meter.ts';
import { attribute } from '../names/names.ts';
import { observeDefects } from '../report-defect.ts';
import { setSpanSink } from '../spans.ts';
import { completeUnits } from './complete-units.ts';
import { DurableExport } from './durable-export.ts';
import { instanceId } from './instance.ts';
import { Ledger } from './ledger.ts';
import { byExporter, bySender, type LiveExport } from './live-export.ts';
import { producerOf } from './meter-producer.ts';
import { logRequests, metricRequests, type OtlpRequest, pointCount, spanRequests } from './otlp-requests.ts';
import { type OtlpResponse, OtlpSender } from './otlp-sender.ts';
import { otlpTarget } from './otlp-target.ts';
import { Outbox, Parcel } from './outbox.ts';
import { diagnosticLogger, PartialSuccess } from './partial-success.ts';
import { FinishedReadableSpan } from './readable-span.ts';
import { observeSelf } from './self-metrics.ts';
import type { Signal } from './signals.ts';
import { Spool } from './spool.ts';

export type Telemetry = {
  readonly ledger: Ledger;
  /** What is wrong with the disk of the spool, in a sentence. */
  spoolTrouble(): string | undefined;
  /** Comes back when every log record told so far is with the Collector, on disk, or counted as dropped; false when the disk refuses some for longer. */
  settleLogs(): Promise<boolean>;
  /** Tells the metrics as they stand now, besides the interval. */
  tellMetrics(): Promise<void>;
  /** Sends what can be sent before the deadline and leaves the rest in the spool for the next start. */
  stop(deadlineMs: number): Promise<void>;
};

/** More metric points than this go out in several requests, so that one stays below gRPC's 4 MiB. */
const metricPointsMax = 5_000;
/** At a stop: a disk that refuses for longer is not waited for. */
const spoolCloseMsMax = 2_000;

/**
 * Starts all telemetry: from here on, spans, metrics and log records reach the Collector or the spool. The only file that knows the SDK.
 * `component`: service.name, the folder of the spool, and the metrics to export. One process of a machine exports its `host`.
 */
export async function startTelemetry(
  config: Config,
  component: { name: string; folder: string; host: boolean; meter: Meter },
): Promise<Telemetry> {
  // Events, audit and security always tell everything.
  for (const name of ['app', 'access', 'metrics'] as const) setLogLevel(name, config.logLevel);
  setConsole(config.console);
  const ledger = new Ledger();
  if (config.telemetryOff) {
    return {
      ledger,
      spoolTrouble: () => undefined,
      settleLogs: async () => true,
      tellMetrics: async () => undefined,
      stop: async () => undefined,
    };
  }

  const folder = join(config.data, component.folder);
  const spool = await Spool.open({
    folder: join(folder, 'spool'),
    bytesMax: config.spoolBytesMax,
    memoryBytesMax: config.spoolMemoryBytesMax,
    ageMsMax: config.spoolAgeMsMax,
    ledger,
    onTrouble: sayOnConsole,
  });
  const partialSuccess = new PartialSuccess();
  diag.setLogger(diagnosticLogger(partialSuccess, quietly(sayOnConsole)), { logLevel: DiagLogLevel.WARN });

  const target = { ...otlpTarget(config), timeoutMs: config.telemetryTimeoutMs };
  const durable = <Items>(
    signal: Signal,
    live: LiveExport<Items>,
    serialize: (items: Items) => OtlpRequest[],
    deserialize: (bytes: Uint8Array) => OtlpResponse,
  ) =>
    new DurableExport<Items>({
      signal,
      live,
      serialize,
      sender: new OtlpSender({ signal, ...target, deserialize }),
      spool,
      ledger,
      spoolAfterMs: config.telemetrySpoolAfterMs,
      onRefused: (refused, items, reason) =>
        log('app', 'warn', `The Collector refused ${items} ${refused}: ${reason.slice(0, 200)}`, {
          [attribute.eventType]: 'telemetry_refused',
          signal: refused,
          items,
        }),
    });
  const exporterOptions = { url: config.otlpEndpoint, timeoutMillis: config.telemetryTimeoutMs };
  const deserialize = ProtobufTraceSerializer.deserializeResponse;
  const spans = durable<OtlpRequest[]>(
    'traces',
    bySender(new OtlpSender({ signal: 'traces', ...target, deserialize, doubtfulAnswersMax: Infinity })),
    (requests) => requests,
    deserialize,
  );
  const records = durable<ReadableLogRecord[]>(
    'logs',
    byExporter(new OTLPLogExporter(exporterOptions), { signal: 'logs', partialSuccess }),
    logRequests,
    ProtobufLogsSerializer.deserializeResponse,
  );
  const points = durable<ResourceMetrics>(
    'metrics',
    byExporter(new OTLPMetricExporter(exporterOptions), { signal: 'metrics', partialSuccess }),
    metricRequests,
    ProtobufMetricsSerializer.deserializeResponse,
  );

  const outboxOptions = {
    ledger,
    memoryItemsMax: config.telemetryMemoryItemsMax,
    waitMsMax: config.telemetryWaitMsMax,
  };
  const spanOutbox = new Outbox<ReadableSpan, OtlpRequest[]>({
    ...outboxOptions,
    signal: 'traces',
    parcel: new Parcel(config.telemetryBatchItemsMax, spanRequests),
    accept: (batch, count, isBehind) => spans.accept(batch, count, isBehind),
  });
  const logOutbox = new Outbox<ReadableLogRecord, ReadableLogRecord[]>({
    ...outboxOptions,
    signal: 'logs',
    parcel: new Parcel(config.telemetryBatchItemsMax, (records) => records),
    accept: (batch, count, isBehind) => records.accept(batch, count, isBehind),
  });

  const resource = resourceFromAttributes({
    [attribute.serviceName]: component.name,
    [attribute.serviceVersion]: version,
    [attribute.serviceInstance]: instanceId(folder),
    [attribute.environment]: config.environment,
    [attribute.processId]: process.pid,
    [attribute.runtimeName]: 'nodejs',
    [attribute.runtimeVersion]: process.versions.node,
    ...(await hostAttributes()),
  }).merge(detectResources({ detectors: [envDetector] }));
  await resource.waitForAsyncAttributes?.();

  const logProcessor = intoOutbox(logOutbox);
  const providers = Object.fromEntries(
    logStreams.map((stream) => [
      stream,
      new LoggerProvider({
        resource: resource.merge(resourceFromAttributes({ [attribute.logStream]: stream })),
        processors: [logProcessor],
      }),
    ]),
  );
  const reader = config.metricsOn
    ? new PeriodicExportingMetricReader({
        exporter: pointsInto(points, ledger),
        exportIntervalMillis: config.metricIntervalMs,
        exportTimeoutMillis: config.metricIntervalMs,
        maxExportBatchSize: metricPointsMax,
        metricProducers: [producerOf(component.meter)],
      })
    : undefined;
  const sdk = new NodeSDK({
    autoDetectResources: false,
    resource,
    textMapPropagator: new W3CTraceContextPropagator(),
    sampler: new AlwaysOnSampler(),
    spanProcessors: config.tracesOn ? [spansIntoOutbox(spanOutbox)] : [],
    logRecordProcessors: [logProcessor],
    metricReaders: reader ? [reader] : [],
    instrumentations: [surroundings(component.host)],
  });
  sdk.start();
  if (config.tracesOn)
    setSpanSink({ add: (span, context) => spanOutbox.add(new FinishedReadableSpan(span, context, resource)) });
  bridgedLogs.setGlobalLoggerProvider({
    getLogger: (...named) => byStream((stream) => providers[stream]!.getLogger(...named)),
  });
  let leaving = false;
  const { meter } = component;
  observeDefects(meter);
  observeSelf(meter, ledger, spool, () => leaving);
  observeHost(meter, config.data, component.host);
  if (reader) observeEventLoopDelay(meter);

  return {
    ledger,
    spoolTrouble: () => spool.trouble,
    settleLogs: async () => {
      await logOutbox.drain();
      return spool.settled('logs');
    },
    tellMetrics: async () => reader?.forceFlush(),
    stop: async (deadlineMs) => {
      const endsAt = performance.now() + deadlineMs;
      leaving = true;
      setSpanSink(undefined);
      // Collects and hands on the last points, spans and records …
      await Promise.all([sdk.shutdown(), ...Object.values(providers).map((provider) => provider.shutdown())]);
      // … and waits for what is on its way.
      await Promise.all([spans, records, points].map((each) => each.flush(Math.max(0, endsAt - performance.now()))));
      await Promise.all([spans, records, points].map((each) => each.shutdown()));
      await spool.close(Math.min(spoolCloseMsMax, Math.max(0, endsAt - performance.now())));
      sayOnConsole(`Telemetry of ${component.name}: ${ledger.inWords()}.`);
    },
  };
}

/** What surrounds the service: outgoing HTTP, runtime and host metrics. Everything on the request's path is written by hand. */
function surroundings(host: boolean) {
  process.env.OTEL_NODE_ENABLED_INSTRUMENTATIONS = 'undici,runtime-node,host-metrics';
  return getNodeAutoInstrumentations({
    // It tells no delay of the event loop before it has looked five times: event-loop-delay.ts does.
    '@opentelemetry/instrumentation-runtime-node': { monitoringPrecision: 2 ** 31 - 1 },
    '@opentelemetry/instrumentation-host-metrics': {
      // Without its network: it starts a program to ask for the default interface, and all requests wait for that. host-metrics.ts reads a file instead.
      metricGroups: ['process.cpu', 'process.memory', ...(host ? ['system.cpu', 'system.memory'] : [])],
    },
  });
}

function spansIntoOutbox(outbox: Outbox<ReadableSpan, OtlpRequest[]>): SpanProcessor {
  return {
    onStart: () => undefined,
    onEnd: (span) => outbox.add(span),
    forceFlush: () => outbox.drain(),
    shutdown: () => outbox.drain(),
  };
}

function intoOutbox(outbox: Outbox<ReadableLogRecord, ReadableLogRecord[]>): LogRecordProcessor {
  return {
    onEmit: (record) => outbox.add(record),
    forceFlush: () => outbox.drain(),
    shutdown: () => outbox.drain(),
  };
}

function pointsInto(points: DurableExport<ResourceMetrics>, ledger: Ledger): PushMetricExporter {
  return {
    export: (collected, onResult) => {
      const metrics = completeUnits(collected);
      const count = pointCount(metrics);
      ledger.account('metrics').made += count;
      points.accept(metrics, count).then(
        () => onResult({ code: ExportResultCode.SUCCESS }),
        (error: unknown) =>
          onResult({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) }),
      );
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
}

/** One logger for winston's transport that sends each record by the provider of its stream. */
function byStream(loggerOf: (stream: string) => Logger): Logger {
  const loggers = Object.fromEntries(logStreams.map((stream) => [stream, loggerOf(stream)]));
  const of = (record: LogRecord) => loggers[streamOf(record.attributes?.[attribute.logger])]!;
  return { emit: (record) => of(record).emit(record), enabled: () => true };
}

/** The SDK repeats itself while the Collector is away; a sentence a minute is enough for a person. */
function quietly(say: (sentence: string) => void): (sentence: string) => void {
  const saidAt = new Map<string, number>();
  return (sentence) => {
    const kind = sentence.slice(0, 60);
    const now = performance.now();
    if (now - (saidAt.get(kind) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    if (saidAt.size >= 100) saidAt.clear();
    saidAt.set(kind, now);
    say(sentence.slice(0, 500));
  };
}
