import { randomFillSync } from 'node:crypto';
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';

export type Ids = { traceId: string; spanId: string };

const random = new RandomIdGenerator();
let preset: Ids | undefined;

/** Ids for a span that will be made later: a request has its ids from its first byte, its spans are made when it has ended. */
export function newIds(): Ids {
  for (;;) {
    if (randomAt === randomBytes.length) {
      randomFillSync(randomBytes);
      randomAt = 0;
    }
    const hex = randomBytes.toString('hex', randomAt, randomAt + idsBytes);
    randomAt += idsBytes;
    const ids = { traceId: hex.slice(0, 32), spanId: hex.slice(32) };
    // All zeros is no id, by the specification.
    if (ids.spanId !== noSpanId && ids.traceId !== noTraceId) return ids;
  }
}

const idsBytes = 24;
/** Enough for some thousands of requests: to ask for each alone would cost more than all else that its ids do. */
const randomBytes = Buffer.alloc(idsBytes * 2048);
let randomAt = randomBytes.length;
const noTraceId = '0'.repeat(32);
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
