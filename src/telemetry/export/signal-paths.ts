import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import {
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Config } from '../../config.ts';
import { log } from '../logger.ts';
import { attribute } from '../names/names.ts';
import { DurableExport } from './durable-export.ts';
import type { Ledger } from './ledger.ts';
import { byExporter, bySender, type LiveExport } from './live-export.ts';
import { logRequests, type OtlpRequest, spanRequests } from './otlp-requests.ts';
import { type OtlpResponse, OtlpSender } from './otlp-sender.ts';
import type { OtlpTarget, OtlpTargets } from './otlp-target.ts';
import { Outbox, Parcel } from './outbox.ts';
import type { PartialSuccess } from './partial-success.ts';
import type { Signal } from './signals.ts';
import type { Spool } from './spool.ts';

type Parts = { spool: Spool; ledger: Ledger; partialSuccess: PartialSuccess; targets: OtlpTargets };

export type SignalPaths = ReturnType<typeof signalPaths>;

/**
 * How each signal reaches the Collector: spans and log records wait in an outbox, points come in
 * one batch.
 */
export function signalPaths(config: Config, parts: Parts) {
  const { partialSuccess, targets } = parts;
  const deserialize = ProtobufTraceSerializer.deserializeResponse;
  const spans = durableExport<OtlpRequest[]>(config, parts, {
    signal: 'traces',
    live: bySender(
      new OtlpSender({ signal: 'traces', ...targets.of('traces'), deserialize, doubtfulAnswersMax: Infinity }),
    ),
    serialize: (requests) => requests,
    deserialize,
  });
  const records = durableExport<ReadableLogRecord[]>(config, parts, {
    signal: 'logs',
    live: byExporter(new OTLPLogExporter(exporterOptions(targets.of('logs'))), { signal: 'logs', partialSuccess }),
    serialize: logRequests,
    deserialize: ProtobufLogsSerializer.deserializeResponse,
  });
  const deserializePoints = ProtobufMetricsSerializer.deserializeResponse;
  const points = durableExport<OtlpRequest[]>(config, parts, {
    signal: 'metrics',
    live: bySender(
      new OtlpSender({
        signal: 'metrics',
        ...targets.of('metrics'),
        deserialize: deserializePoints,
        doubtfulAnswersMax: Infinity,
      }),
    ),
    serialize: (requests) => requests,
    deserialize: deserializePoints,
  });
  return { points, ...outboxes(config, parts.ledger, { spans, records }), all: [spans, records, points] };
}

function outboxes(
  config: Config,
  ledger: Ledger,
  { spans, records }: { spans: DurableExport<OtlpRequest[]>; records: DurableExport<ReadableLogRecord[]> },
) {
  const options = { ledger, memoryItemsMax: config.telemetryMemoryItemsMax, waitMsMax: config.telemetryWaitMsMax };
  return {
    spanOutbox: new Outbox<ReadableSpan, OtlpRequest[]>({
      ...options,
      signal: 'traces',
      parcel: new Parcel(config.telemetryBatchItemsMax, spanRequests),
      accept: (batch, count, isBehind) => spans.accept(batch, count, isBehind),
    }),
    logOutbox: new Outbox<ReadableLogRecord, ReadableLogRecord[]>({
      ...options,
      signal: 'logs',
      parcel: new Parcel(config.telemetryBatchItemsMax, (each) => each),
      accept: (batch, count, isBehind) => records.accept(batch, count, isBehind),
    }),
  };
}

function durableExport<Items>(
  config: Config,
  { spool, ledger, targets }: Parts,
  {
    signal,
    live,
    serialize,
    deserialize,
  }: {
    signal: Signal;
    live: LiveExport<Items>;
    serialize: (items: Items) => OtlpRequest[];
    deserialize: (bytes: Uint8Array) => OtlpResponse;
  },
): DurableExport<Items> {
  return new DurableExport<Items>({
    signal,
    live,
    serialize,
    sender: new OtlpSender({ signal, ...targets.of(signal), deserialize }),
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
}

type ExporterOptions = NonNullable<ConstructorParameters<typeof OTLPLogExporter>[0]>;

/** For the official exporters, which would read other variables of the environment themselves. */
function exporterOptions({ target, isSecure, credentials, metadata, compression, timeoutMs }: OtlpTarget) {
  return {
    url: `${isSecure ? 'https' : 'http'}://${target}`,
    credentials,
    metadata,
    compression: compression as NonNullable<ExporterOptions['compression']>,
    timeoutMillis: timeoutMs,
  };
}
