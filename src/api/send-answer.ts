import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { Config } from '../config.ts';
import { acceptedPacking } from './accepted-packing.ts';
import type { EncodedAnswer } from './open-inference/write-infer-answer.ts';

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

// Up to the first, Node writes headers and body as one string with one system call; up to the second, one copy is cheaper than several writes.
const textBytesMax = 16 * 1024;
const joinBytesMax = 64 * 1024;

/** Sends an inference answer: one write where it is small, its pieces uncopied where it is large, packed for who accepts that. */
export async function sendAnswer(
  request: Request,
  response: Response,
  answer: EncodedAnswer,
  config: Pick<Config, 'compressBytesMin' | 'bodyIdleMsMax'>,
): Promise<void> {
  let { pieces, size } = answer;
  const packing = size >= config.compressBytesMin ? acceptedPacking(request.headers['accept-encoding']) : undefined;
  if (packing !== undefined) {
    // The fastest level: an inference server's answers are numbers, which more work hardly makes smaller.
    const packed = await packers[packing](pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size), { level: 1 });
    pieces = [packed];
    size = packed.length;
    response.setHeader('Content-Encoding', packing);
  }
  if (answer.jsonBytes === undefined) response.setHeader('Content-Type', 'application/json');
  else {
    response.setHeader('Content-Type', 'application/octet-stream');
    // Of the JSON before it was packed, as Triton has it.
    response.setHeader('Inference-Header-Content-Length', answer.jsonBytes);
  }
  response.setHeader('Content-Length', size);
  if (size <= textBytesMax)
    response.end((pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size)).toString('latin1'), 'latin1');
  else if (pieces.length === 1) response.end(pieces[0]);
  else if (size <= joinBytesMax) response.end(Buffer.concat(pieces, size));
  else {
    response.cork();
    for (const piece of pieces) response.write(piece);
    response.end();
    response.uncork();
  }
  // A caller who does not read its answer must not keep it in memory for ever.
  if (response.writableLength > 0) response.setTimeout(config.bodyIdleMsMax, () => response.destroy());
}
