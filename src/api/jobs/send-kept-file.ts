import type { Response } from 'express';
import type { Config } from '../../config.ts';
import { chargeAnswer } from '../../http/charge-answer.ts';
import { sendFile } from '../../http/send-file.ts';
import { sendStream } from '../../http/send-stream.ts';
import type { JobFiles, KeptFile } from '../../jobs/files/job-files.ts';
import type { Job } from '../../jobs/job.ts';

/**
 * Streams one file of a result, or answers with a link to it. A caller who stops reading is dropped,
 * and one who leaves ends it.
 */
export async function sendKeptFile(
  response: Response,
  files: JobFiles,
  { job, file }: { job: Job; file: KeptFile },
  { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const opened = await files.open(job, file, left.signal);
  if ('link' in opened) {
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, opened.link);
    return;
  }
  try {
    response.setHeader('Content-Type', file.contentType);
    response.setHeader('Content-Length', 'handle' in opened ? (await opened.handle.stat()).size : file.sizeBytes);
    response.setHeader('Content-Disposition', `attachment; filename="${file.name}"`);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'private, no-store');
    if (response.req.method === 'HEAD') response.end();
    else if ('handle' in opened) await sendFile(response, opened.handle, bodyIdleMsMax);
    else {
      chargeAnswer(response, streamedBytes);
      await sendStream(response, opened.bytes, bodyIdleMsMax);
    }
  } finally {
    if ('handle' in opened) await opened.handle.close();
    else opened.bytes.destroy();
  }
}

/** What a stream between two machines holds at most. */
const streamedBytes = 256 * 1024;
