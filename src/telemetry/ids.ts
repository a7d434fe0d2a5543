import { randomFillSync } from 'node:crypto';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';

export type Ids = { traceId: string; spanId: string };

/** Ids for a span that will be made later: a request has its ids from its first byte, its spans are made when it has ended. */
export function newIds(): Ids {
  for (;;) {
    if (randomAt === randomBytes.length) {
      randomFillSync(randomBytes);
      randomAt = 0;
    }
    const both = randomBytes.toString('hex', randomAt, randomAt + idsBytes);
    randomAt += idsBytes;
    const ids = { traceId: both.slice(0, traceIdLetters), spanId: both.slice(traceIdLetters) };
    // All zeros is no id, by the specification.
    if (ids.spanId !== noSpanId && ids.traceId !== noTraceId) return ids;
  }
}

/** The context of a span that is kept. */
export function sampled({ traceId, spanId }: Ids): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Writes them as the bytes that they are, without a string or anything else that would outlive it. */
export function writeIds({ traceId, spanId }: Ids, bytes: Uint8Array, at: number): void {
  writeHex(traceId, bytes, at);
  writeHex(spanId, bytes, at + traceIdBytes);
}

/** What `writeIds` has written. */
export function readIds(bytes: Buffer, at: number): Ids {
  const spanAt = at + traceIdBytes;
  return { traceId: bytes.toString('hex', at, spanAt), spanId: bytes.toString('hex', spanAt, at + idsBytes) };
}

function writeHex(text: string, bytes: Uint8Array, from: number): void {
  for (let at = 0; at < text.length; at += 2)
    bytes[from + at / 2] = (digits[text.charCodeAt(at)]! << 4) | digits[text.charCodeAt(at + 1)]!;
}

/** By the codes of their characters. */
const digits = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) digits[digit.toString(16).charCodeAt(0)] = digit;

const traceIdBytes = 16;
const traceIdLetters = 2 * traceIdBytes;
/** Of a trace and a span. */
export const idsBytes = 24;
/** Enough for some thousands of requests: to ask for each alone would cost more than all else that its ids do. */
const randomBytes = Buffer.alloc(idsBytes * 2048);
let randomAt = randomBytes.length;
const noTraceId = '0'.repeat(traceIdLetters);
const noSpanId = '0'.repeat(16);
