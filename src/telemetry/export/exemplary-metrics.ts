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
import { WireWriter, wireTypes } from '../../wire-writer.ts';
import type { Exemplar } from '../meter.ts';

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
  const writer = new WireWriter(16_384);
  if (plain.scopeMetrics.length > 0) writer.raw(serializedPlainly(plain));
  const resource = withoutHead(serializedPlainly({ resource: metrics.resource, scopeMetrics: [] }));
  writer.message(1, () => {
    writer.raw(resource);
    for (const { scope, metrics: list } of exemplary.scopeMetrics)
      writer.message(2, () => {
        writer.message(1, () => {
          writeText(writer, 1, scope.name);
          writeText(writer, 2, scope.version ?? '');
        });
        for (const metric of list) writer.message(2, () => writeMetric(writer, metric));
        writeText(writer, 3, scope.schemaUrl ?? '');
      });
  });
  return writer.bytes;
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

function writeMetric(writer: WireWriter, metric: MetricData): void {
  const { name, description, unit } = metric.descriptor;
  writeText(writer, 1, name);
  writeText(writer, 2, description);
  writeText(writer, 3, unit);
  const isExponential = metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM;
  writer.message(isExponential ? 10 : 9, () => {
    for (const point of metric.dataPoints)
      writer.message(1, () => {
        if (isExponential) writeExponential(writer, point as DataPoint<Exemplary<ExponentialHistogram>>);
        else writeHistogram(writer, point as DataPoint<Exemplary<Histogram>>);
      });
    writeVarint(writer, 2, metric.aggregationTemporality === AggregationTemporality.CUMULATIVE ? 2 : 1);
  });
}

function writeHistogram(writer: WireWriter, point: DataPoint<Exemplary<Histogram>>): void {
  const { count, sum = 0, buckets, exemplars } = point.value;
  writeAttributes(writer, 9, point.attributes);
  writeFixed64(writer, 2, nanoseconds(point.startTime));
  writeFixed64(writer, 3, nanoseconds(point.endTime));
  writeFixed64(writer, 4, BigInt(count));
  writeDouble(writer, 5, sum);
  writePacked(writer, 6, buckets.counts, (count) => writer.fixed64(BigInt(count)));
  writePacked(writer, 7, buckets.boundaries, (boundary) => writer.double(boundary));
  for (const exemplar of exemplars ?? []) writeExemplar(writer, 8, exemplar);
}

function writeExponential(writer: WireWriter, point: DataPoint<Exemplary<ExponentialHistogram>>): void {
  const { count, sum = 0, scale, zeroCount, positive, negative, exemplars } = point.value;
  writeAttributes(writer, 1, point.attributes);
  writeFixed64(writer, 2, nanoseconds(point.startTime));
  writeFixed64(writer, 3, nanoseconds(point.endTime));
  writeFixed64(writer, 4, BigInt(count));
  writeDouble(writer, 5, sum);
  writeZigzag(writer, 6, scale);
  writeFixed64(writer, 7, BigInt(zeroCount));
  for (const [field, { offset, bucketCounts }] of [[8, positive] as const, [9, negative] as const])
    writer.message(field, () => {
      writeZigzag(writer, 1, offset);
      writePacked(writer, 2, bucketCounts, (count) => writer.unsigned(count));
    });
  for (const exemplar of exemplars ?? []) writeExemplar(writer, 11, exemplar);
}

/** All labels of ours are strings. */
function writeAttributes(writer: WireWriter, field: number, attributes: DataPoint<unknown>['attributes']): void {
  for (const [key, value] of Object.entries(attributes))
    writer.message(field, () => {
      writeText(writer, 1, key);
      writer.message(2, () => writer.text(1, String(value)));
    });
}

function writeExemplar(writer: WireWriter, field: number, { value, atMs, traceId, spanId }: Exemplar): void {
  writer.message(field, () => {
    writeFixed64(writer, 2, BigInt(Math.round(atMs)) * 1_000_000n);
    writeDouble(writer, 3, value);
    writer.part(4, Buffer.from(spanId, 'hex'));
    writer.part(5, Buffer.from(traceId, 'hex'));
  });
}

function nanoseconds([seconds, rest]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(rest);
}

/** The official serializer writes no empty text either. */
function writeText(writer: WireWriter, field: number, text: string): void {
  if (text !== '') writer.text(field, text);
}

function writeVarint(writer: WireWriter, field: number, value: number): void {
  writer.tag(field, wireTypes.varint);
  writer.unsigned(value);
}

/** Of a number that may be negative. */
function writeZigzag(writer: WireWriter, field: number, value: number): void {
  writeVarint(writer, field, value < 0 ? -2 * value - 1 : 2 * value);
}

function writeDouble(writer: WireWriter, field: number, value: number): void {
  writer.tag(field, wireTypes.fixed64);
  writer.double(value);
}

function writeFixed64(writer: WireWriter, field: number, value: bigint): void {
  writer.tag(field, wireTypes.fixed64);
  writer.fixed64(value);
}

function writePacked(writer: WireWriter, field: number, values: readonly number[], write: (value: number) => void) {
  if (values.length === 0) return;
  writer.message(field, () => {
    for (const value of values) write(value);
  });
}
