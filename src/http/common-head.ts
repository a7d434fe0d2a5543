import type { OutgoingHttpHeaders } from 'node:http2';
import type { Response } from 'express';
import { type HeadLines, headLine, headValue, joinHead, namesAndValues } from '../head-lines.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import { requestTrace } from './trace-request.ts';

const beforeTrace = headLine('traceresponse', headValue('00-'));
const between = headValue('-');
const after = headValue('-01');

/**
 * The head lines of every answer: the request's ids, and what is left of its quota. They stand
 * nowhere else.
 */
export function commonHead({ ids, requestId, quotaLeft, quotaPolicy }: RequestTrace): HeadLines {
  let lines = headLine('X-Request-Id', requestId);
  lines = joinHead(lines, beforeTrace);
  lines = joinHead(lines, ids.traceId);
  lines = joinHead(lines, between);
  lines = joinHead(lines, ids.spanId);
  lines = joinHead(lines, after);
  if (quotaLeft !== undefined) lines = joinHead(lines, headLine('RateLimit', quotaLeft));
  return quotaPolicy === undefined ? lines : joinHead(lines, headLine('RateLimit-Policy', quotaPolicy));
}

/** The same as HTTP/2 has them. */
export function addCommonHeaders(
  headers: OutgoingHttpHeaders,
  { ids, requestId, quotaLeft, quotaPolicy }: RequestTrace,
): void {
  headers['x-request-id'] = requestId;
  headers.traceresponse = `00-${ids.traceId}-${ids.spanId}-01`;
  if (quotaLeft !== undefined) headers.ratelimit = quotaLeft;
  if (quotaPolicy !== undefined) headers['ratelimit-policy'] = quotaPolicy;
}

/** The same for an answer that sets its headers one by one. */
export function setCommonHead(response: Response): void {
  const lines = namesAndValues(commonHead(requestTrace(response)));
  for (let at = 0; at < lines.length; at += 2) response.setHeader(lines[at]!, lines[at + 1]!);
}
