import { join } from 'node:path';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { logs as bridgedLogs } from '@opentelemetry/api-logs';
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { SDK_INFO, W3CTraceContextPropagator } from '@opentelemetry/core';
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor } from '@opentelemetry/sdk-logs';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler } from '@opentelemetry/sdk-trace';
import type { Config } from '../../config.ts';
import type { Telemetry } from '../../running-telemetry.ts';
import { version } from '../../version.ts';
import { observeEventLoopDelay } from '../host/event-loop-delay.ts';
import { containerId, hostAttributes } from '../host/host-attributes.ts';
import { observeHost } from '../host/host-metrics.ts';
import type { MachineRecord } from '../host/machine-record.ts';
import { watchMachine } from '../host/watch-machine.ts';
import { instanceId } from '../instance.ts';
import { log, logStreams, sayOnConsole, setConsole, setLogLevel } from '../logger.ts';
import type { Meter } from '../meter.ts';
import { attribute } from '../names/names.ts';
import { observeDefects } from '../report-defect.ts';
import { setSpanSink } from '../spans.ts';
import { Ledger } from './ledger.ts';
import { producerOf } from './meter-producer.ts';
import { ourInstrumentations } from './otel-variables.ts';
import { checkOtelVariables } from './otlp-settings.ts';
import { OtlpTargets } from './otlp-target.ts';
import { diagnosticLogger, PartialSuccess } from './partial-success.ts';
import { FinishedReadableSpan } from './readable-span.ts';
import { schemaUrl } from './scope.ts';
import { byStream, intoOutbox, pointsInto, spansIntoOutbox } from './sdk-adapters.ts';
import { observeSelf } from './self-metrics.ts';
import { type SignalPaths, signalPaths } from './signal-paths.ts';
import { Spool } from './spool.ts';

type Component = {
  name: string;
  folder: string;
  host: boolean;
  meter: Meter;
  /** Where it is recorded what happens to the process and its machine. */
  machine?: MachineRecord;
};

/**
 * More metric points than this go out in several requests: serializing one is a single stretch of
 * the event loop, and it stays below gRPC's 4 MiB.
 */
const metricPointsMax = 500;
/** At a stop: a disk that refuses for longer is not waited for. */
const spoolCloseMsMax = 2_000;

/**
 * Starts all telemetry: from here on, spans, metrics and log records reach the Collector or the
 * spool. `component`: service.name, the folder of the spool, and the metrics to export. One process
 * of a machine exports its `host`.
 */
export async function startTelemetry(config: Config, component: Component): Promise<Telemetry> {
  // Events, audit and security are logged at every level.
  for (const name of ['app', 'access', 'metrics'] as const) setLogLevel(name, config.logLevel);
  setConsole(config.console);
  if (config.telemetryOff) return noTelemetry();
  const ledger = new Ledger();

  const ignored = checkOtelVariables(process.env);
  const targets = await OtlpTargets.open(config);
  const folder = join(config.data, component.folder);
  const spool = await openSpool(config, folder, ledger);
  const partialSuccess = new PartialSuccess();
  diag.setLogger(diagnosticLogger(partialSuccess, quietly(sayOnConsole)), { logLevel: DiagLogLevel.WARN });
  const paths = signalPaths(config, { spool, ledger, partialSuccess, targets });
  const sdk = startSdk(config, component, {
    paths,
    ledger,
    resource: await resourceOf(config, component.name, folder),
  });

  if (ignored.length > 0)
    log('app', 'warn', `Variables of OpenTelemetry have no effect here. ${ignored.join(' ')}`, {
      event_type: 'variables_ignored',
    });
  let leaving = false;
  const { meter } = component;
  observeDefects(meter);
  observeSelf(meter, ledger, spool, () => leaving);
  observeHost(meter, config.data, component.host);
  if (config.metricsOn || component.machine) observeEventLoopDelay(meter, component.machine);
  const watch = component.machine && watchMachine(component.machine);

  return {
    logsGivenUp: () => {
      const { memory_full, spool_unwritable } = ledger.account('logs').dropped;
      return memory_full + spool_unwritable;
    },
    spoolTrouble: () => spool.trouble ?? targets.trouble,
    settleLogs: async () => {
      await paths.logOutbox.drain();
      return spool.settled('logs');
    },
    exportMetrics: () => sdk.exportMetrics(),
    stop: async (deadlineMs) => {
      const endsAt = performance.now() + deadlineMs;
      const leftMs = () => Math.max(0, endsAt - performance.now());
      leaving = true;
      watch?.[Symbol.dispose]();
      setSpanSink(undefined);
      // The SDK hands over the last points, spans and records, then each path sends what it has.
      await sdk.shutdown();
      await Promise.all(paths.all.map((each) => each.flush(leftMs())));
      await Promise.all(paths.all.map((each) => each.shutdown()));
      targets[Symbol.dispose]();
      await spool.close(Math.min(spoolCloseMsMax, leftMs()));
      sayOnConsole(`Telemetry of ${component.name}: ${ledger.inWords()}.`);
    },
  };
}

function noTelemetry(): Telemetry {
  return {
    logsGivenUp: () => 0,
    spoolTrouble: () => undefined,
    settleLogs: async () => true,
    exportMetrics: async () => undefined,
    stop: async () => undefined,
  };
}

function openSpool(config: Config, folder: string, ledger: Ledger): Promise<Spool> {
  return Spool.open({
    folder: join(folder, 'spool'),
    bytesMax: config.spoolBytesMax,
    memoryBytesMax: config.spoolMemoryBytesMax,
    ageMsMax: config.spoolAgeMsMax,
    ledger,
    onTrouble: sayOnConsole,
  });
}

async function resourceOf(config: Config, name: string, folder: string): Promise<Resource> {
  const container = containerId();
  const resource = resourceFromAttributes({
    [attribute.serviceName]: name,
    [attribute.serviceVersion]: version,
    [attribute.serviceInstance]: instanceId(folder),
    [attribute.environment]: config.environment,
    [attribute.processId]: process.pid,
    [attribute.processCreation]: new Date(performance.timeOrigin).toISOString(),
    [attribute.sdkName]: 'opentelemetry',
    [attribute.sdkLanguage]: 'nodejs',
    [attribute.sdkVersion]: SDK_INFO[attribute.sdkVersion],
    [attribute.runtimeName]: 'nodejs',
    [attribute.runtimeVersion]: process.versions.node,
    ...(await hostAttributes()),
    ...(container !== undefined && { [attribute.containerId]: container }),
  }).merge(detectResources({ detectors: [envDetector] }));
  await resource.waitForAsyncAttributes?.();
  return resource;
}

/** Registers the SDK's providers, each of which hands over to a path of ours. */
function startSdk(
  config: Config,
  component: Component,
  { paths, ledger, resource }: { paths: SignalPaths; ledger: Ledger; resource: Resource },
) {
  const { spanOutbox } = paths;
  const logProcessor = intoOutbox(paths.logOutbox);
  const reader = config.metricsOn ? metricReader(config, component.meter, paths, ledger) : undefined;
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
  const providers = streamProviders(resource, logProcessor);
  bridgedLogs.setGlobalLoggerProvider({
    getLogger: (name, version) => byStream((stream) => providers[stream]!.getLogger(name, version, { schemaUrl })),
  });
  return {
    exportMetrics: async () => reader?.forceFlush(),
    shutdown: () => Promise.all([sdk, ...Object.values(providers)].map((each) => each.shutdown())),
  };
}

function metricReader(config: Config, meter: Meter, { points }: SignalPaths, ledger: Ledger) {
  return new PeriodicExportingMetricReader({
    exporter: pointsInto(points, ledger),
    exportIntervalMillis: config.metricIntervalMs,
    exportTimeoutMillis: config.metricIntervalMs,
    maxExportBatchSize: metricPointsMax,
    metricProducers: [producerOf(meter)],
  });
}

function streamProviders(resource: Resource, processor: LogRecordProcessor): Record<string, LoggerProvider> {
  const providerOf = (stream: string) =>
    new LoggerProvider({
      resource: resource.merge(resourceFromAttributes({ [attribute.logStream]: stream })),
      processors: [processor],
    });
  return Object.fromEntries(logStreams.map((stream) => [stream, providerOf(stream)]));
}

/**
 * What surrounds the service: outgoing HTTP, runtime and host metrics. Everything on the request's
 * path is written by hand.
 */
function surroundings(host: boolean) {
  process.env.OTEL_NODE_ENABLED_INSTRUMENTATIONS = ourInstrumentations;
  return getNodeAutoInstrumentations({
    // Its event loop delay needs five looks first; event-loop-delay.ts measures it at once.
    '@opentelemetry/instrumentation-runtime-node': { monitoringPrecision: 2 ** 31 - 1 },
    '@opentelemetry/instrumentation-host-metrics': {
      // Without its network: it starts a program to ask for the default interface, and all requests wait
      // for that. host-metrics.ts reads a file instead.
      metricGroups: ['process.cpu', 'process.memory', ...(host ? ['system.cpu', 'system.memory'] : [])],
    },
  });
}

/**
 * The SDK repeats itself while the Collector is down; a sentence a minute is enough for a person.
 */
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
