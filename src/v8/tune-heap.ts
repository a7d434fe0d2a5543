import { setFlagsFromString } from 'node:v8';

/**
 * V8's heap for a service whose requests allocate ten kilobytes and leave twenty bytes.
 * docs/performance.md has the reasons.
 */
export const heapFlags = [
  // New objects are allocated young: a burst must not teach V8 that requests live long.
  '--no-allocation-site-pretenuring',
  // The old space may double before a full collection: its slow growth would cause many of them.
  '--heap-growing-percent=100',
];

export function tuneHeap(): void {
  for (const flag of heapFlags) setFlagsFromString(flag);
}
