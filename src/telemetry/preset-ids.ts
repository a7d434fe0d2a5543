import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';

export type Ids = { traceId: string; spanId: string };

const random = new RandomIdGenerator();
let preset: Ids | undefined;

/** Ids for a span that will be made later: a request has its ids from its first byte, its spans are made when it has ended. */
export function newIds(): Ids {
  return { traceId: random.generateTraceId(), spanId: random.generateSpanId() };
}

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
