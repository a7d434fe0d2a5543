import { isMarkedAsUntransferable } from 'node:worker_threads';

/**
 * The buffer under a view, if it can change hands: a text has none, and small ones are cut from a
 * pool of Node's.
 */
export function bufferUnder(data: unknown): ArrayBuffer | undefined {
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) return undefined;
  return isMarkedAsUntransferable(data.buffer) ? undefined : data.buffer;
}

/** Each once: several views may lie in one buffer. */
export function buffersUnder(views: readonly unknown[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const view of views) {
    const buffer = bufferUnder(view);
    if (buffer) buffers.add(buffer);
  }
  return [...buffers];
}
