import { randomFillSync } from 'node:crypto';
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';

export type Ids = {
  traceId: string;
  spanId: string;
  /** Both in one, where they were made together: what both are parts of. */
  both?: string;
};

const random = new RandomIdGenerator();
let preset: Ids | undefined;

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

/** A trace id in hexadecimal. */
export const traceIdLetters = 32;
const idsBytes = 24;
/** Enough for some thousands of requests: to ask for each alone would cost more than all else that its ids do. */
const randomBytes = Buffer.alloc(idsBytes * 2048);
let randomAt = randomBytes.length;
const noTraceId = '0'.repeat(traceIdLetters);
const noSpanId = '0'.repeat(16);

/** Runs `make` so that the one span it starts gets these ids. */
export function withIds<Made>(ids: Ids, make: () => Made): Made {
  preset = ids;
  try {
    return make();
  } finally {
    preset = undefined;
  }
}

export class PresetIds implements IdGenerator {
  generateTraceId(): string {
    return preset?.traceId ?? random.generateTraceId();
  }

  generateSpanId(): string {
    return preset?.spanId ?? random.generateSpanId();
  }
}
