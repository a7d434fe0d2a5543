import { ValueType } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { CollectedMetric, Meter, Point } from '../meter.ts';
import { scopeName } from '../names/names.ts';

/**
 * Hands the metrics of a meter to the SDK's reader, which sends them with the instrumentations'
 * metrics.
 */
export function producerOf(meter: Meter): MetricProducer {
  return {
    collect: async () => {
      const { metrics, errors } = await meter.collect();
      // The reader ignores a producer's resource and takes the SDK's.
      const scopeMetrics = [{ scope: { name: scopeName }, metrics: metrics.map(metricData) }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
    },
  };
}

function metricData(metric: CollectedMetric): MetricData {
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
        dataPoints: pointsOf(metric.points, same),
      };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: pointsOf(metric.points, same) };
    case 'histogram':
      return {
        ...base,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: pointsOf(metric.points, ({ count, sum, bounds, counts }) => ({
          count,
          sum,
          buckets: { boundaries: [...bounds], counts: [...counts] },
        })),
      };
    case 'exponential histogram':
      return {
        ...base,
        dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
        dataPoints: pointsOf(metric.points, ({ count, sum, scale, zeroCount, offset, counts }) => ({
          count,
          sum,
          scale,
          zeroCount,
          positive: { offset, bucketCounts: [...counts] },
          negative: { offset: 0, bucketCounts: [] },
        })),
      };
  }
}

function pointsOf<Value, Given>(points: readonly Point<Value>[], given: (value: Value) => Given) {
  return points.map(({ labels, startMs, atMs, value }) => ({
    startTime: millisToHrTime(startMs),
    endTime: millisToHrTime(atMs),
    attributes: labels,
    value: given(value),
  }));
}

function same(value: number): number {
  return value;
}
