import type { HrTime } from '@opentelemetry/api';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Exemplar } from '../meter.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** A histogram of ours: the SDK has no field for exemplars, and its serializer leaves them out. */
export type Exemplary<Value> = Value & { readonly exemplars?: readonly Exemplar[] };

/**
 * An export request. Points with exemplars are written here, all others by the official serializer;
 * the parts of a request are joined by putting one behind the other.
 */
export function serializeMetrics(metrics: ResourceMetrics): Uint8Array {
  const plain = partOf(metrics, (metric) => !hasExemplars(metric));
  const exemplary = partOf(metrics, hasExemplars);
  if (exemplary.scopeMetrics.length === 0) return serializedPlainly(metrics);
  const writer = new ProtobufWriter();
  if (plain.scopeMetrics.length > 0) writer.raw(serializedPlainly(plain));
  const resource = withoutHead(serializedPlainly({ resource: metrics.resource, scopeMetrics: [] }));
  writer.message(1, () => {
    writer.raw(resource);
    for (const { scope, metrics: list } of exemplary.scopeMetrics)
      writer.message(2, () => {
        writer.message(1, () => {
          writer.text(1, scope.name);
          writer.text(2, scope.version ?? '');
        });
        for (const metric of list) writer.message(2, () => writeMetric(writer, metric));
        writer.text(3, scope.schemaUrl ?? '');
      });
  });
  return writer.finish();
}

function serializedPlainly(metrics: ResourceMetrics): Uint8Array {
  const bytes = ProtobufMetricsSerializer.serializeRequest(metrics);
  if (!bytes) throw new Error('Cannot serialize metrics: the serializer gave nothing');
  return bytes;
}

function partOf({ resource, scopeMetrics }: ResourceMetrics, is: (metric: MetricData) => boolean): ResourceMetrics {
  const parts = scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.filter(is) }));
  return { resource, scopeMetrics: parts.filter(({ metrics }) => metrics.length > 0) };
}

function hasExemplars(metric: MetricData): boolean {
  if (metric.dataPointType === DataPointType.HISTOGRAM || metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM)
    return (metric.dataPoints as DataPoint<Exemplary<object>>[]).some(
      ({ value }) => (value.exemplars?.length ?? 0) > 0,
    );
  return false;
}

/** The fields of the only message within a request. */
function withoutHead(request: Uint8Array): Uint8Array {
  let at = 1;
  while (request[at]! >= 128) at += 1;
  return request.subarray(at + 1);
}

function writeMetric(writer: ProtobufWriter, metric: MetricData): void {
  const { name, description, unit } = metric.descriptor;
  writer.text(1, name);
  writer.text(2, description);
  writer.text(3, unit);
  const isExponential = metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM;
  writer.message(isExponential ? 10 : 9, () => {
    for (const point of metric.dataPoints)
      writer.message(1, () => {
        if (isExponential) writeExponential(writer, point as DataPoint<Exemplary<ExponentialHistogram>>);
        else writeHistogram(writer, point as DataPoint<Exemplary<Histogram>>);
      });
    writer.varint(2, metric.aggregationTemporality === AggregationTemporality.CUMULATIVE ? 2 : 1);
  });
}

function writeHistogram(writer: ProtobufWriter, point: DataPoint<Exemplary<Histogram>>): void {
  const { count, sum = 0, buckets, exemplars } = point.value;
  writeAttributes(writer, 9, point.attributes);
  writer.fixed64(2, nanoseconds(point.startTime));
  writer.fixed64(3, nanoseconds(point.endTime));
  writer.fixed64(4, BigInt(count));
  writer.double(5, sum);
  writer.fixed64s(6, buckets.counts);
  writer.doubles(7, buckets.boundaries);
  for (const exemplar of exemplars ?? []) writeExemplar(writer, 8, exemplar);
}

function writeExponential(writer: ProtobufWriter, point: DataPoint<Exemplary<ExponentialHistogram>>): void {
  const { count, sum = 0, scale, zeroCount, positive, negative, exemplars } = point.value;
  writeAttributes(writer, 1, point.attributes);
  writer.fixed64(2, nanoseconds(point.startTime));
  writer.fixed64(3, nanoseconds(point.endTime));
  writer.fixed64(4, BigInt(count));
  writer.double(5, sum);
  writer.zigzag(6, scale);
  writer.fixed64(7, BigInt(zeroCount));
  for (const [field, { offset, bucketCounts }] of [[8, positive] as const, [9, negative] as const])
    writer.message(field, () => {
      writer.zigzag(1, offset);
      writer.varints(2, bucketCounts);
    });
  for (const exemplar of exemplars ?? []) writeExemplar(writer, 11, exemplar);
}

/** All labels of ours are strings. */
function writeAttributes(writer: ProtobufWriter, field: number, attributes: DataPoint<unknown>['attributes']): void {
  for (const [key, value] of Object.entries(attributes))
    writer.message(field, () => {
      writer.text(1, key);
      writer.message(2, () => writer.bytes(1, Buffer.from(String(value))));
    });
}

function writeExemplar(writer: ProtobufWriter, field: number, { value, atMs, traceId, spanId }: Exemplar): void {
  writer.message(field, () => {
    writer.fixed64(2, BigInt(Math.round(atMs)) * 1_000_000n);
    writer.double(3, value);
    writer.bytes(4, Buffer.from(spanId, 'hex'));
    writer.bytes(5, Buffer.from(traceId, 'hex'));
  });
}

function nanoseconds([seconds, rest]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(rest);
}
