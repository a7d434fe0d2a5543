import type { Registry } from '../../engine/registry/registry.ts';
import { observableGauge } from '../../telemetry/meter/metrics.ts';
import type { Permits } from './permits.ts';

/** How many inference requests each model has in flight: also those that are still being received or sent, which the engine does not know of. */
export function observeInFlight(permits: Permits, registry: Registry): void {
  observableGauge('inferenceActive').addCallback((result) => {
    for (const model of new Set(registry.models().map(({ name }) => name)))
      result.observe(permits.inFlightOf(model), { model });
  });
}
