import type { FileHandle } from 'node:fs/promises';
import type { Response } from 'express';
import { chargeAnswer } from './charge-answer.ts';

/**
 * Sends a whole file as the rest of an answer. A caller who stops reading for `idleMsMax` is
 * dropped, and one who leaves ends it.
 */
export async function sendFile(response: Response, handle: FileHandle, idleMsMax: number): Promise<void> {
  chargeAnswer(response, 2 * blockBytes);
  response.setTimeout(idleMsMax, () => response.destroy());
  try {
    await sendBlocks(response, handle);
  } catch (error) {
    // The caller has gone: nobody waits for an answer.
    if (!response.destroyed) throw error;
  }
}

/**
 * By two blocks in turn, one being read while the other is on its way: a stream makes new ones all
 * the time, as much garbage as the result is long. The answer ends with its last block: a caller who
 * has everything may leave at once, and must not be taken for one who left before the end.
 */
async function sendBlocks(response: Response, handle: FileHandle): Promise<void> {
  const blocks = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)] as const;
  const { size } = await handle.stat();
  let sent = Promise.resolve();
  for (let position = 0, turn = 0; position < size; turn = 1 - turn) {
    // A block is read into again when the connection has taken it: one turn later.
    const [{ buffer, bytesRead }] = await Promise.all([
      handle.read(blocks[turn] as Buffer, 0, blockBytes, position),
      sent,
    ]);
    if (bytesRead === 0) break;
    position += bytesRead;
    const block = buffer.subarray(0, bytesRead);
    if (position < size) sent = written(response, block);
    else response.end(block);
  }
  if (!response.writableEnded) response.end();
}

const blockBytes = 256 * 1024;

function written(response: Response, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new Error('The caller has left before the end.'));
  response.once('close', gone);
  response.write(bytes, (error) => {
    response.off('close', gone);
    if (error) reject(error);
    else resolve();
  });
  return promise;
}
