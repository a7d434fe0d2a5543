import { type HrTime, ValueType } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

/** A metric whose sums somebody else keeps: it goes out with the SDK's own, but no instrument stands behind it. */
export type AggregatedMetric = { name: string; unit: string; says: string } & (
  | { kind: 'counter' | 'gauge'; points: AggregatedPoint<number>[] }
  | { kind: 'histogram'; points: AggregatedPoint<AggregatedHistogram>[] }
  | { kind: 'exponential histogram'; points: AggregatedPoint<AggregatedExponential>[] }
);

export type AggregatedPoint<Value> = { labels: Record<string, string>; startMs: number; atMs: number; value: Value };

export type AggregatedHistogram = {
  count: number;
  sum: number;
  /** Upper bounds; `counts` has one more, for what is above the last. */
  bounds: readonly number[];
  counts: readonly number[];
};

/** The buckets of positive values: the first is `offset`, and bucket i ends at 2^((i + 1) / 2^scale). */
export type AggregatedExponential = {
  count: number;
  sum: number;
  scale: number;
  zeroCount: number;
  offset: number;
  counts: number[];
};

/** Hands aggregated metrics to the SDK's reader, which sends them with its own, under the same resource. */
export function aggregatedMetricProducer(collect: () => AggregatedMetric[]): MetricProducer {
  return {
    collect: async () => ({
      // The reader ignores a producer's resource and takes the SDK's.
      resourceMetrics: {
        resource: emptyResource(),
        scopeMetrics: [{ scope: { name: 'vitrine.aggregated' }, metrics: collect().map(metricData) }],
      },
      errors: [],
    }),
  };
}

function metricData(metric: AggregatedMetric): MetricData {
  const base = {
    descriptor: { name: metric.name, unit: metric.unit, description: metric.says, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  switch (metric.kind) {
    case 'counter':
      return {
        ...base,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: metric.points.map(numberPoint),
      };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: metric.points.map(numberPoint) };
    case 'histogram':
      return {
        ...base,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: metric.points.map((point) => ({
          ...times(point),
          attributes: point.labels,
          value: {
            count: point.value.count,
            sum: point.value.sum,
            buckets: { boundaries: [...point.value.bounds], counts: [...point.value.counts] },
          },
        })),
      };
    case 'exponential histogram':
      return {
        ...base,
        dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
        dataPoints: metric.points.map((point) => ({
          ...times(point),
          attributes: point.labels,
          value: {
            count: point.value.count,
            sum: point.value.sum,
            scale: point.value.scale,
            zeroCount: point.value.zeroCount,
            positive: { offset: point.value.offset, bucketCounts: point.value.counts },
            negative: { offset: 0, bucketCounts: [] },
          },
        })),
      };
  }
}

function numberPoint(point: AggregatedPoint<number>) {
  return { ...times(point), attributes: point.labels, value: point.value };
}

function times({ startMs, atMs }: { startMs: number; atMs: number }): { startTime: HrTime; endTime: HrTime } {
  return { startTime: millisToHrTime(startMs), endTime: millisToHrTime(atMs) };
}
