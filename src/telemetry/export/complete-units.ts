import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Metric } from '../names/metric.ts';
import { metricNames } from '../names/names.ts';
import { schemaUrl } from './scope.ts';

/**
 * Gives the host's metrics the units that the conventions say and their instrumentation leaves out:
 * without them Prometheus would know bytes and ratios by names that no dashboard expects.
 */
export function completeUnits(metrics: ResourceMetrics): ResourceMetrics {
  return {
    ...metrics,
    scopeMetrics: metrics.scopeMetrics.map(({ scope, metrics: list }) => ({
      // Their instrumentation gives none.
      scope: { ...scope, schemaUrl: scope.schemaUrl || schemaUrl },
      metrics: list.map((metric) => {
        const unit = metric.descriptor.unit === '' ? measuredByOthers.get(metric.descriptor.name) : undefined;
        return unit === undefined ? metric : { ...metric, descriptor: { ...metric.descriptor, unit } };
      }),
    })),
  };
}

const measuredByOthers = new Map(
  Object.values<Metric>(metricNames)
    .filter(({ from }) => from !== undefined)
    .map(({ name, unit }) => [name, unit]),
);
