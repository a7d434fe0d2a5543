import { joined, type Span } from '../../spans-of-time.ts';
import type { Charges } from './charges.ts';
import type { Hold } from './machine-view.ts';

/** In the order of what is most certain. */
const causes = ['garbage_collection', 'cpu_throttled', 'disk', 'cpu_taken', 'event_loop_held'] as const;

/** Charges the times in which the main thread was held; answers what is left. */
export function takeHolds(charges: Charges, left: readonly Span[], holds: readonly Hold[]): Span[] {
  return causes.reduce<Span[]>(
    (rest, cause) => charges.take(cause, rest, joined(holds.filter((hold) => hold.cause === cause))),
    [...left],
  );
}
