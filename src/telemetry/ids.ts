import { randomFillSync } from 'node:crypto';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';

export type Ids = {
  traceId: string;
  spanId: string;
  /** Both in one, where they were made together: what both are parts of. */
  both?: string;
};

/** Ids for a span that will be made later: a request has its ids from its first byte, its spans are made when it has ended. */
export function newIds(): Ids {
  for (;;) {
    if (randomAt === randomBytes.length) {
      randomFillSync(randomBytes);
      randomAt = 0;
    }
    const both = randomBytes.toString('hex', randomAt, randomAt + idsBytes);
    randomAt += idsBytes;
    const ids = { traceId: both.slice(0, traceIdLetters), spanId: both.slice(traceIdLetters), both };
    // All zeros is no id, by the specification.
    if (ids.spanId !== noSpanId && ids.traceId !== noTraceId) return ids;
  }
}

/** The context of a span that is kept. */
export function sampled({ traceId, spanId }: Ids): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** A trace id in hexadecimal. */
export const traceIdLetters = 32;
const idsBytes = 24;
/** Enough for some thousands of requests: to ask for each alone would cost more than all else that its ids do. */
const randomBytes = Buffer.alloc(idsBytes * 2048);
let randomAt = randomBytes.length;
const noTraceId = '0'.repeat(traceIdLetters);
const noSpanId = '0'.repeat(16);
