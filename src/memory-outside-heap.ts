import { setFlagsFromString } from 'node:v8';

/**
 * Bodies and tensors lie outside V8's heap. By itself V8 marks the whole heap whenever 64 MiB of them have been made, which is every few requests of a
 * few megabytes; here they count toward one limit with the heap. For this process and all its threads; before the first of them is made.
 */
export function countMemoryOutsideHeap(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}
