import type { Registry } from '../../engine/registry/registry.ts';
import type { Meter } from '../../telemetry/meter.ts';
import type { Permits } from './permits.ts';

/**
 * How many inference requests each model has in flight: also those that are still being received or
 * sent, which the engine does not know of.
 */
export function observeInFlight(meter: Meter, permits: Permits, registry: Registry): void {
  meter.gauge('inferenceActive', (observe) => {
    for (const model of new Set(registry.models().map(({ name }) => name))) observe(permits.inFlightOf(model), model);
  });
}
