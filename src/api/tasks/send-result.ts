import { type FileHandle, open } from 'node:fs/promises';
import type { Response } from 'express';
import type { Config } from '../../config.ts';
import type { TaskResult } from '../../tasks/task.ts';

/** Facts beyond this stay out of the headers; they are in the JSON answers. */
const factsCharsMax = 4096;

/** Streams the file of a result. A caller who stops reading is dropped. The facts of what is no JSON stand in X-Vitrine-Facts, as JSON in ASCII. */
export async function sendResult(
  response: Response,
  result: TaskResult,
  { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>,
): Promise<void> {
  const { contentType, file, fileName, facts } = result;
  await using handle = await open(file, 'r');
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', (await handle.stat()).size);
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (contentType !== 'application/json') {
    response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`);
    const told = inAscii(JSON.stringify(facts));
    if (told.length <= factsCharsMax) response.setHeader('X-Vitrine-Facts', told);
  }
  response.setTimeout(bodyIdleMsMax, () => response.destroy());
  try {
    await sendBlocks(handle, response);
  } catch (error) {
    // The caller has gone: nobody is left to be told.
    if (!response.destroyed) throw error;
  }
}

/** By two blocks in turn, one being read while the other is on its way: a stream makes new ones all the time, as much garbage as the result is long. */
async function sendBlocks(handle: FileHandle, response: Response): Promise<void> {
  const blocks = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)] as const;
  let sent = Promise.resolve();
  for (let position = 0, turn = 0; ; turn = 1 - turn) {
    // A block is read into again when the connection has taken it: one turn later.
    const [{ buffer, bytesRead }] = await Promise.all([
      handle.read(blocks[turn] as Buffer, 0, blockBytes, position),
      sent,
    ]);
    if (bytesRead === 0) break;
    position += bytesRead;
    sent = written(response, buffer.subarray(0, bytesRead));
  }
  response.end();
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

function inAscii(json: string): string {
  return json.replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
