import { setFlagsFromString } from 'node:v8';

/**
 * V8's heap for a service that makes ten kilobytes of each request and keeps twenty bytes of them.
 */
export const heapFlags = [
  // Everything is born among the young. Otherwise V8 asks of each place in the code, by the first
  // collection that meets enough of what was made there, whether it lives long, and if so makes it
  // among the old from then on, for good. A burst that is in flight during that collection teaches it
  // that of requests: each later one then leaves a third of itself for the collections of old
  // objects, and costs up to half as much again.
  '--no-allocation-site-pretenuring',
  // The old may double before they are collected. Otherwise V8 goes by how fast they grew, which for
  // requests is slowly, and collects forty megabytes for each seven that are new: every few seconds
  // of load it stops, marks them all, and compiles again what that threw away.
  '--heap-growing-percent=100',
];

export function tuneHeap(): void {
  for (const flag of heapFlags) setFlagsFromString(flag);
}
