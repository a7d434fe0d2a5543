import type { Logger, LogRecord } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { LogRecordProcessor, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import { logStreams, streamOf } from '../logger.ts';
import { attribute } from '../names/names.ts';
import { completeUnits } from './complete-units.ts';
import type { DurableExport } from './durable-export.ts';
import type { Ledger } from './ledger.ts';
import { metricRequests, type OtlpRequest, pointCount } from './otlp-requests.ts';
import type { Outbox } from './outbox.ts';

// What the SDK calls, made of what is ours.

export function spansIntoOutbox(outbox: Outbox<ReadableSpan, OtlpRequest[]>): SpanProcessor {
  return {
    onStart: () => undefined,
    onEnd: (span) => outbox.add(span),
    forceFlush: () => outbox.drain(),
    shutdown: () => outbox.drain(),
  };
}

export function intoOutbox(outbox: Outbox<ReadableLogRecord, ReadableLogRecord[]>): LogRecordProcessor {
  return {
    onEmit: (record) => outbox.add(record),
    forceFlush: () => outbox.drain(),
    shutdown: () => outbox.drain(),
  };
}

export function pointsInto(points: DurableExport<OtlpRequest[]>, ledger: Ledger): PushMetricExporter {
  return {
    export: (collected, onResult) => {
      const metrics = completeUnits(collected);
      const count = pointCount(metrics);
      ledger.account('metrics').made += count;
      points.accept(metricRequests(metrics), count).then(
        () => onResult({ code: ExportResultCode.SUCCESS }),
        (error: unknown) =>
          onResult({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) }),
      );
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
}

/**
 * One logger for winston's transport that sends each record by the provider of its stream, with
 * the event's name where OTLP has it.
 */
export function byStream(loggerOf: (stream: string) => Logger): Logger {
  const loggers = Object.fromEntries(logStreams.map((stream) => [stream, loggerOf(stream)]));
  const of = (record: LogRecord) => loggers[streamOf(record.attributes?.[attribute.logger])]!;
  return {
    emit: (record) => of(record).emit(withEventName(record)),
    enabled: () => true,
  };
}

function withEventName(record: LogRecord): LogRecord {
  const eventName = record.attributes?.[attribute.eventType];
  return typeof eventName === 'string' ? { ...record, eventName } : record;
}
