import {
  type Counter,
  type Gauge,
  type Histogram,
  metrics,
  type ObservableCounter,
  type ObservableGauge,
} from '@opentelemetry/api';
import { type MetricName, metricNames, scopeName } from './names.ts';

// Instruments by their row in the table of names, so that none can be made that is not in it.

export function counter(of: MetricName): Counter {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createCounter(name, { unit, description: says });
}

export function gauge(of: MetricName): Gauge {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createGauge(name, { unit, description: says });
}

export function histogram(of: MetricName): Histogram {
  const row = metricNames[of];
  const advice = 'buckets' in row ? { advice: { explicitBucketBoundaries: [...row.buckets] } } : {};
  return metrics.getMeter(scopeName).createHistogram(row.name, { unit: row.unit, description: row.says, ...advice });
}

export function observableCounter(of: MetricName): ObservableCounter {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createObservableCounter(name, { unit, description: says });
}

export function observableGauge(of: MetricName): ObservableGauge {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createObservableGauge(name, { unit, description: says });
}
