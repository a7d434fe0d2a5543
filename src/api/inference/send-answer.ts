import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { type HeadLines, headLine, headValue, inOnePiece, joinHead } from '../../head-lines.ts';
import { acceptedPacking } from '../../http/accepted-packing.ts';
import { chargeAnswer, chargedBytesMin } from '../../http/charge-answer.ts';
import type { AnswerBytes, HttpExchange } from '../../http/http-exchange.ts';
import type { EncodedAnswer } from '../open-inference/write-infer-answer.ts';

const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

const contentType = {
  json: headLine('Content-Type', headValue('application/json')),
  binary: headLine('Content-Type', headValue('application/octet-stream')),
  events: headLine('Content-Type', headValue('text/event-stream; charset=utf-8')),
};
const contentEncoding = {
  gzip: headLine('Content-Encoding', headValue('gzip')),
  deflate: headLine('Content-Encoding', headValue('deflate')),
};

type Parts = {
  readonly exchange: HttpExchange;
  readonly config: Pick<Config, 'compressBytesMin' | 'bodyIdleMsMax'>;
};

/**
 * Sends an inference answer, packed for who accepts that: then it answers a promise. `lines` come
 * before its own.
 */
export function sendAnswer(
  parts: Parts,
  request: Request,
  response: Response,
  lines: HeadLines,
  { bytes, size, jsonBytes, isEvents }: EncodedAnswer,
): Promise<void> | undefined {
  if (isEvents) {
    send(parts, response, joinHead(lines, eventLines(size)), bytes, size);
    return undefined;
  }
  const packing =
    size >= parts.config.compressBytesMin ? acceptedPacking(request.headers['accept-encoding']) : undefined;
  if (packing === undefined) {
    send(parts, response, joinHead(lines, bodyLines(jsonBytes, size)), bytes, size);
    return undefined;
  }
  const whole = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.concat(bytes, size);
  // The fastest level: an inference server's answers are numbers, which more work hardly makes
  // smaller.
  return packers[packing](whole, { level: 1 }).then((packed) => {
    const head = joinHead(joinHead(lines, bodyLines(jsonBytes, packed.length)), contentEncoding[packing]);
    send(parts, response, head, [packed], packed.length);
  });
}

let lastLines = headLine('Content-Length', 0);
let lastJsonBytes: number | undefined = Number.NaN;
let lastSize = Number.NaN;

/** What the head says of the body. Most answers have the sizes of the one before. */
function bodyLines(jsonBytes: number | undefined, size: number): HeadLines {
  if (jsonBytes === lastJsonBytes && size === lastSize) return lastLines;
  lastJsonBytes = jsonBytes;
  lastSize = size;
  const length = headLine('Content-Length', size);
  lastLines = inOnePiece(
    jsonBytes === undefined
      ? [contentType.json, length]
      : // Of the JSON before it was packed, as Triton has it.
        [contentType.binary, headLine('Inference-Header-Content-Length', jsonBytes), length],
  );
  return lastLines;
}

/** Events are not packed: a proxy hands them on as they come. */
function eventLines(size: number): HeadLines {
  return inOnePiece([contentType.events, headLine('Content-Length', size)]);
}

function send({ exchange, config }: Parts, response: Response, head: HeadLines, bytes: AnswerBytes, size: number) {
  if (size > chargedBytesMin) chargeAnswer(response, size);
  exchange.end(response, head, bytes, size);
  // A caller who does not read its answer must not keep it in memory for ever.
  if (response.writableLength > 0 || !response.writableEnded)
    response.setTimeout(config.bodyIdleMsMax, () => response.destroy());
}
