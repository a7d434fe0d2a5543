import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { Config } from '../config.ts';
import { acceptedPacking } from './accepted-packing.ts';
import type { EncodedAnswer } from './open-inference/write-infer-answer.ts';

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

// Up to this, one copy is cheaper than several writes.
const joinBytesMax = 64 * 1024;

/**
 * Sends an inference answer: one write where it is small, its pieces uncopied where it is large, packed for who accepts that. `headers` are names and values in
 * turn, more than those of the answer itself. Answers a promise where it has to pack first.
 */
export function sendAnswer(
  request: Request,
  response: Response,
  headers: (string | number)[],
  answer: EncodedAnswer,
  config: Pick<Config, 'compressBytesMin' | 'bodyIdleMsMax'>,
): Promise<void> | undefined {
  const { bytes, size, jsonBytes } = answer;
  if (jsonBytes === undefined) headers.push('Content-Type', 'application/json');
  // Of the JSON before it was packed, as Triton has it.
  else headers.push('Content-Type', 'application/octet-stream', 'Inference-Header-Content-Length', jsonBytes);
  const packing = size >= config.compressBytesMin ? acceptedPacking(request.headers['accept-encoding']) : undefined;
  if (packing === undefined) {
    send(response, headers, bytes, size, config);
    return undefined;
  }
  const whole = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.concat(bytes, size);
  // The fastest level: an inference server's answers are numbers, which more work hardly makes smaller.
  return packers[packing](whole, { level: 1 }).then((packed) => {
    headers.push('Content-Encoding', packing);
    send(response, headers, [packed], packed.length, config);
  });
}

function send(
  response: Response,
  headers: (string | number)[],
  bytes: EncodedAnswer['bytes'],
  size: number,
  { bodyIdleMsMax }: Pick<Config, 'bodyIdleMsMax'>,
): void {
  headers.push('Content-Length', size);
  // All at once and as a list: each setHeader would be checked, kept and written by itself.
  response.writeHead(200, headers as string[]);
  if (typeof bytes === 'string') response.end(bytes, 'latin1');
  else if (bytes.length === 1) response.end(bytes[0]);
  else if (size <= joinBytesMax) response.end(Buffer.concat(bytes, size));
  else {
    response.cork();
    for (const piece of bytes) response.write(piece);
    response.end();
    response.uncork();
  }
  // A caller who does not read its answer must not keep it in memory for ever.
  if (response.writableLength > 0) response.setTimeout(bodyIdleMsMax, () => response.destroy());
}
