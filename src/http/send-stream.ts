import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

/**
 * Sends bytes that come from elsewhere as the rest of an answer. A caller who stops reading for
 * `idleMsMax` is dropped. Where the bytes fail, the connection ends before the answer is whole.
 */
export async function sendStream(response: Response, bytes: Readable, idleMsMax: number): Promise<void> {
  response.setTimeout(idleMsMax, () => response.destroy());
  try {
    await pipeline(bytes, response);
  } catch (error) {
    // The caller has gone: nobody waits for an answer.
    if (bytes.errored && !isLeft(bytes.errored)) throw bytes.errored;
    if (!response.destroyed) throw error;
  }
}

function isLeft(error: Error): boolean {
  return error.name === 'AbortError' || ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE');
}
