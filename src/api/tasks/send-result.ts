import { open } from 'node:fs/promises';
import type { Response } from 'express';
import type { Config } from '../../config.ts';
import { sendFile } from '../../http/send-file.ts';
import type { TaskResult } from '../../tasks/task-types.ts';

/** Facts beyond this stay out of the headers; they are in the JSON answers. */
const factsCharsMax = 4096;

/**
 * Streams the file of a result. A caller who stops reading is dropped. The facts of what is no JSON
 * stand in X-Vitrine-Facts, as JSON in ASCII.
 */
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
    const text = inAscii(JSON.stringify(facts));
    if (text.length <= factsCharsMax) response.setHeader('X-Vitrine-Facts', text);
  }
  await sendFile(response, handle, bodyIdleMsMax);
}

function inAscii(json: string): string {
  return json.replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
