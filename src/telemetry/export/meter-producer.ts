import { ValueType } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { Breather, stepsAtOnce } from '../breather.ts';
import type { CollectedMetric, Meter, Point } from '../meter.ts';
import { ourScope } from './scope.ts';

/**
 * Hands the metrics of a meter to the SDK's reader, which sends them with the instrumentations'
 * metrics.
 */
export function producerOf(meter: Meter): MetricProducer {
  return {
    collect: async () => {
      const { metrics: collected, errors } = await meter.collect();
      const breather = new Breather();
      const metrics: MetricData[] = [];
      for (const metric of collected) metrics.push(await metricData(metric, breather));
      // The reader ignores a producer's resource and takes the SDK's.
      const scopeMetrics = [{ scope: ourScope, metrics }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
    },
  };
}

async function metricData(metric: CollectedMetric, breather: Breather): Promise<MetricData> {
  const base = {
    descriptor: { name: metric.name, unit: metric.unit, description: metric.says, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  switch (metric.kind) {
    case 'counter':
    case 'up-down counter':
      return {
        ...base,
        dataPointType: DataPointType.SUM,
        isMonotonic: metric.kind === 'counter',
        dataPoints: await pointsOf(metric.points, same, breather),
      };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: await pointsOf(metric.points, same, breather) };
    case 'histogram':
      return {
        ...base,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: await pointsOf(
          metric.points,
          ({ count, sum, bounds, counts, exemplars }) => ({
            count,
            sum,
            buckets: { boundaries: [...bounds], counts: [...counts] },
            exemplars,
          }),
          breather,
        ),
      };
    case 'exponential histogram':
      return {
        ...base,
        dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
        dataPoints: await pointsOf(
          metric.points,
          ({ count, sum, scale, zeroCount, offset, counts, exemplars }) => ({
            count,
            sum,
            scale,
            zeroCount,
            positive: { offset, bucketCounts: [...counts] },
            negative: { offset: 0, bucketCounts: [] },
            exemplars,
          }),
          breather,
        ),
      };
  }
}

async function pointsOf<Value, Given>(
  points: readonly Point<Value>[],
  given: (value: Value) => Given,
  breather: Breather,
) {
  const made = [];
  for (const { labels, startMs, atMs, value } of points) {
    made.push({
      startTime: millisToHrTime(startMs),
      endTime: millisToHrTime(atMs),
      attributes: labels,
      value: given(value),
    });
    if (made.length % stepsAtOnce === 0) await breather.breathe();
  }
  return made;
}

function same(value: number): number {
  return value;
}
