import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { JobResult } from '../../jobs/job.ts';

/** Streams one file of a result. A caller who stops reading is dropped, and one who leaves ends it. */
export async function sendKeptFile(
  response: Response,
  folder: string,
  { name, contentType }: JobResult['files'][number],
  { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>,
): Promise<void> {
  const handle = await open(join(folder, name), 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new ServiceError('job_not_found', 'Cannot answer: the result was deleted a moment ago.', { cause });
  });
  try {
    response.setHeader('Content-Type', contentType);
    response.setHeader('Content-Length', (await handle.stat()).size);
    response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'private, no-store');
    response.setTimeout(bodyIdleMsMax, () => response.destroy());
    if (response.req.method === 'HEAD') {
      response.end();
      return;
    }
    await pipeline(createReadStream('', { fd: handle, autoClose: false }), response);
  } catch (error) {
    // The caller has gone: nobody is left to be told.
    if (!response.destroyed) throw error;
  } finally {
    await handle.close();
  }
}
