import { isMarkedAsUntransferable } from 'node:worker_threads';

/**
 * Frees the memory of a large block at once. Only its single owner may call it; other views become
 * empty. V8 marks its whole heap for every 64 MiB of blocks that it has not yet found to be
 * garbage: for bodies of some megabytes that is every few requests.
 */
export function releaseBuffer({ buffer }: ArrayBufferView): void {
  if (buffer.byteLength < releasedBytesMin || !(buffer instanceof ArrayBuffer) || isMarkedAsUntransferable(buffer))
    return;
  buffer.transfer(0);
}

/** Below this the collector is as cheap. */
export const releasedBytesMin = 16 * 1024;
