import { open } from 'node:fs/promises';
import type { Response } from 'express';
import type { Config } from '../../config.ts';
import { sendFile } from '../../http/send-file.ts';
import type { TaskResult } from '../../tasks/task-types.ts';
import { factsHeader, factsText } from './facts-header.ts';

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
    const text = factsText(facts);
    if (text !== undefined) response.setHeader(factsHeader, text);
  }
  await sendFile(response, handle, bodyIdleMsMax);
}
