import type { Request } from 'express';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';

/**
 * The whole body, within a limit of bytes and of time. What it is, is not taken from Content-Type:
 * each route takes one format.
 */
export async function readBody(request: Request, limits: { bytesMax: number; msMax: number }): Promise<Buffer> {
  const encoding = request.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ServiceError(
      'encoding_not_supported',
      say`Cannot read the body: it is compressed; send it without Content-Encoding.`,
    );
  }
  if (Number(request.get('content-length') ?? 0) > limits.bytesMax) throw tooLarge(limits.bytesMax);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const overtime = setTimeout(() => end(tooSlow(limits.msMax)), limits.msMax);
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limits.bytesMax) end(tooLarge(limits.bytesMax));
      else chunks.push(chunk);
    };
    const onEnd = () => end();
    const onGone = () => end(incomplete());
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);

    function end(failure?: ServiceError) {
      clearTimeout(overtime);
      request.off('data', onData).off('end', onEnd).off('close', onGone);
      if (!failure) {
        resolve(Buffer.concat(chunks));
        return;
      }
      reject(failure);
    }
  });
}

function tooLarge(bytesMax: number): ServiceError {
  return new ServiceError(
    'body_too_large',
    say`Cannot read the body: it has more than ${bytesMax} bytes; send less at once, or raise VITRINE_RECEIVER_BODY_BYTES_MAX.`,
  );
}

function tooSlow(msMax: number): ServiceError {
  return new ServiceError(
    'body_too_slow',
    say`Cannot read the body: it was not complete after ${msMax} ms; send it faster, or raise VITRINE_RECEIVER_BODY_MS_MAX.`,
  );
}

function incomplete(): ServiceError {
  return new ServiceError(
    'body_incomplete',
    say`Cannot read the body: the caller closed the connection; send it again.`,
  );
}
