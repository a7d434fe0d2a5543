import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { sendFile } from '../../http/send-file.ts';
import type { JobResult } from '../../jobs/job.ts';
import { asDiskFailure } from '../../resilience/disk-failure.ts';
import { say } from '../../sentence.ts';

/**
 * Streams one file of a result. A caller who stops reading is dropped, and one who leaves ends it.
 */
export async function sendKeptFile(
  response: Response,
  folder: string,
  { name, contentType }: JobResult['files'][number],
  { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>,
): Promise<void> {
  const handle = await open(join(folder, name), 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw asDiskFailure(cause);
    throw new ServiceError('job_not_found', say`Cannot answer: the result was deleted a moment ago.`, { cause });
  });
  try {
    response.setHeader('Content-Type', contentType);
    response.setHeader('Content-Length', (await handle.stat()).size);
    response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'private, no-store');
    if (response.req.method === 'HEAD') response.end();
    else await sendFile(response, handle, bodyIdleMsMax);
  } finally {
    await handle.close();
  }
}
