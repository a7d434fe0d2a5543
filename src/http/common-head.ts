import type { Response } from 'express';
import { type HeadLines, headLine, headValue, joinHead, namesAndValues } from '../head-lines.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import { requestTrace } from './trace-request.ts';

const before = headValue('00-');
const between = headValue('-');
const after = headValue('-01');

/**
 * The head lines of every answer: the request's ids, and what is left of its quota. They stand
 * nowhere else.
 */
export function commonHead({ ids, requestId, quotaLeft, quotaPolicy }: RequestTrace): HeadLines {
  const traceId = headValue(ids.traceId);
  const spanId = headValue(ids.spanId);
  const parent = joinHead(joinHead(before, traceId), joinHead(between, joinHead(spanId, after)));
  let lines = headLine('X-Request-Id', requestId === ids.traceId ? traceId : headValue(requestId));
  lines = joinHead(lines, headLine('traceresponse', parent));
  if (quotaLeft !== undefined) lines = joinHead(lines, headLine('RateLimit', quotaLeft));
  return quotaPolicy === undefined ? lines : joinHead(lines, headLine('RateLimit-Policy', quotaPolicy));
}

/** The same for an answer that sets its headers one by one. */
export function setCommonHead(response: Response): void {
  const lines = namesAndValues(commonHead(requestTrace(response)));
  for (let at = 0; at < lines.length; at += 2) response.setHeader(lines[at]!, lines[at + 1]!);
}
