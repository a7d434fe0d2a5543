import {
  type BatchObservableCallback,
  type Counter,
  metrics,
  type ObservableCounter,
  type ObservableGauge,
} from '@opentelemetry/api';
import { type MetricName, metricNames, scopeName } from '../names/names.ts';

// Instruments by their row in the table of names, so that none can be made that is not in it. What is counted on every request stands in hot-series.ts.

export function counter(of: MetricName): Counter {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createCounter(name, { unit, description: says });
}

export function observableCounter(of: MetricName): ObservableCounter {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createObservableCounter(name, { unit, description: says });
}

export function observableGauge(of: MetricName): ObservableGauge {
  const { name, unit, says } = metricNames[of];
  return metrics.getMeter(scopeName).createObservableGauge(name, { unit, description: says });
}

/** Where one look at the source answers for several instruments. */
export function observeTogether(of: ObservableCounter[], callback: BatchObservableCallback): void {
  metrics.getMeter(scopeName).addBatchObservableCallback(callback, of);
}
