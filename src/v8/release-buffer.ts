import { isMarkedAsUntransferable } from 'node:worker_threads';

/**
 * Gives the memory under a large block back at once: whoever else looks into it finds it empty. For those who alone hold it and have done with it.
 * Left to the collector, such blocks cost more than all that is done with their bytes: V8 marks its whole heap for every 64 MiB of them that it has not
 * yet found to be garbage, which is every few requests of a few megabytes.
 */
export function releaseBuffer({ buffer }: ArrayBufferView): void {
  if (buffer.byteLength < releasedBytesMin || !(buffer instanceof ArrayBuffer) || isMarkedAsUntransferable(buffer))
    return;
  buffer.transfer(0);
}

/** Below this the collector is as cheap. */
export const releasedBytesMin = 16 * 1024;
