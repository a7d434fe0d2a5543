import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { EncodedAnswer } from '../api/open-inference/write-infer-answer.ts';
import type { Config } from '../config.ts';
import { acceptedPacking } from './accepted-packing.ts';
import { chargeAnswer } from './charge-answer.ts';
import { writeOkHead } from './served-messages.ts';

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

// Up to this, one copy is cheaper than several writes.
const joinBytesMax = 64 * 1024;

type Limits = Pick<Config, 'compressBytesMin' | 'bodyIdleMsMax'>;

/**
 * Sends an inference answer: one write where it is small, its pieces uncopied where it is large,
 * packed for who accepts that. `lines` are headers as writeOkHead takes them, more than those of
 * the answer itself. Answers a promise where it has to pack first.
 */
export function sendAnswer(
  request: Request,
  response: Response,
  lines: string,
  answer: EncodedAnswer,
  limits: Limits,
): Promise<void> | undefined {
  const { bytes, size, jsonBytes } = answer;
  const head =
    jsonBytes === undefined
      ? `${lines}Content-Type: application/json\r\n`
      : // Of the JSON before it was packed, as Triton has it.
        `${lines}Content-Type: application/octet-stream\r\nInference-Header-Content-Length: ${jsonBytes}\r\n`;
  const packing = size >= limits.compressBytesMin ? acceptedPacking(request.headers['accept-encoding']) : undefined;
  if (packing === undefined) {
    send(response, head, bytes, size, limits);
    return undefined;
  }
  const whole = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.concat(bytes, size);
  // The fastest level: an inference server's answers are numbers, which more work hardly makes
  // smaller.
  return packers[packing](whole, { level: 1 }).then((packed) => {
    send(response, `${head}Content-Encoding: ${packing}\r\n`, [packed], packed.length, limits);
  });
}

function send(
  response: Response,
  head: string,
  bytes: EncodedAnswer['bytes'],
  size: number,
  { bodyIdleMsMax }: Limits,
): void {
  chargeAnswer(response, size);
  writeOkHead(response, `${head}Content-Length: ${size}\r\n`);
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
