import { ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { serializeMetrics } from './exemplary-metrics.ts';

/** A serialized export request and how many spans, log records or metric points are in it. */
export type OtlpRequest = { bytes: Uint8Array; items: number };

/**
 * gRPC's default limit for a message is 4 MiB, the Collector's too; this leaves room for its
 * framing.
 */
export const requestBytesMax = 4 * 1024 * 1024 - 64 * 1024;

// Each answers as many requests as it takes to keep them below the limit. An item that is alone
// above it comes back as it is: too large.

export function spanRequests(spans: ReadableSpan[]): OtlpRequest[] {
  return inHalves(spans, (part) => ProtobufTraceSerializer.serializeRequest(part));
}

export function logRequests(records: ReadableLogRecord[]): OtlpRequest[] {
  return inHalves(records, (part) => ProtobufLogsSerializer.serializeRequest(part));
}

export function metricRequests(metrics: ResourceMetrics): OtlpRequest[] {
  const flat = metrics.scopeMetrics.flatMap(({ scope, metrics: list }) => list.map((metric) => ({ scope, metric })));
  const serialize = (part: typeof flat) =>
    serializeMetrics({
      resource: metrics.resource,
      scopeMetrics: part.map(({ scope, metric }) => ({ scope, metrics: [metric] })),
    });
  const whole = serializeMetrics(metrics);
  if (whole.length <= requestBytesMax) return [{ bytes: whole, items: pointCount(metrics) }];
  return inHalves(flat, serialize, (part) => sum(part.map(({ metric }) => metric.dataPoints.length)));
}

export function pointCount(metrics: ResourceMetrics): number {
  return sum(metrics.scopeMetrics.flatMap((scope) => scope.metrics.map((metric) => metric.dataPoints.length)));
}

function inHalves<Item>(
  items: Item[],
  serialize: (items: Item[]) => Uint8Array | undefined,
  count: (items: Item[]) => number = (part) => part.length,
): OtlpRequest[] {
  if (items.length === 0) return [];
  const bytes = serialize(items);
  if (!bytes) throw new Error(`Cannot serialize ${items.length} items of telemetry: the serializer gave nothing`);
  if (bytes.length <= requestBytesMax || items.length === 1) return [{ bytes, items: count(items) }];
  const middle = Math.ceil(items.length / 2);
  return [...inHalves(items.slice(0, middle), serialize, count), ...inHalves(items.slice(middle), serialize, count)];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
