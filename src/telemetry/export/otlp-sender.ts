import { type ChannelCredentials, Client, compressionAlgorithms, type Metadata, status } from '@grpc/grpc-js';
import type { Signal } from './signals.ts';

export type SendOutcome =
  /** Acknowledged; `rejected` of its items were refused all the same (OTLP's partial success). */
  | { state: 'exported'; rejected: number; reason: string }
  /** Refused for good: the same request would be refused again. */
  | { state: 'refused'; reason: string }
  | { state: 'failed'; reason: string };

/** What the Collector answers; the official deserializers give it. */
export type OtlpResponse = {
  partialSuccess?: {
    rejectedSpans?: number;
    rejectedLogRecords?: number;
    rejectedDataPoints?: number;
    errorMessage?: string;
  };
};

const paths: Record<Signal, string> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/**
 * A request that these keep coming back for may be at fault itself: after `doubtfulAnswersMax` of
 * them it is given up as refused.
 */
const doubtful: readonly number[] = [
  status.INTERNAL,
  status.UNKNOWN,
  status.UNIMPLEMENTED,
  status.OUT_OF_RANGE,
  status.DATA_LOSS,
];

/**
 * Sends OTLP requests that are bytes already: items from the spool. The official exporters
 * serialize what they send. Their channel waits up to two minutes before it tries a Collector
 * again; this one tries within two seconds.
 */
export class OtlpSender {
  readonly #client: Client;
  readonly #path: string;
  readonly #metadata: Metadata;
  readonly #timeoutMs: number;
  readonly #deserialize: (bytes: Uint8Array) => OtlpResponse;
  readonly #doubtfulAnswersMax: number;
  #doubtfulAnswers = 0;

  constructor(options: {
    signal: Signal;
    target: string;
    credentials: ChannelCredentials;
    metadata: Metadata;
    compression?: 'gzip' | 'none';
    timeoutMs: number;
    deserialize: (bytes: Uint8Array) => OtlpResponse;
    doubtfulAnswersMax?: number;
  }) {
    this.#path = paths[options.signal];
    this.#metadata = options.metadata;
    this.#timeoutMs = options.timeoutMs;
    this.#deserialize = options.deserialize;
    this.#doubtfulAnswersMax = options.doubtfulAnswersMax ?? 20;
    this.#client = new Client(options.target, options.credentials, {
      'grpc.default_compression_algorithm':
        options.compression === 'gzip' ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2_000,
    });
  }

  send(bytes: Uint8Array): Promise<SendOutcome> {
    const deadline = Date.now() + this.#timeoutMs;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        this.#path,
        (request: Uint8Array) => Buffer.from(request.buffer, request.byteOffset, request.byteLength),
        this.#deserialize,
        bytes,
        this.#metadata,
        { deadline },
        (error, response) => resolve(this.#outcome(error, response)),
      );
    });
  }

  close(): void {
    this.#client.close();
  }

  #outcome(error: Error | null, response: OtlpResponse | undefined): SendOutcome {
    if (!error) {
      this.#doubtfulAnswers = 0;
      return { state: 'exported', ...rejectedOf(response) };
    }
    const outcome = outcomeOfFailure(error);
    this.#doubtfulAnswers = doubtful.includes(codeOf(error)) ? this.#doubtfulAnswers + 1 : 0;
    if (this.#doubtfulAnswers < this.#doubtfulAnswersMax) return outcome;
    this.#doubtfulAnswers = 0;
    return { state: 'refused', reason: outcome.reason };
  }
}

/**
 * Says whether to try again. Only an answer that blames the request itself is final; wrong keys,
 * for one, can be put right meanwhile.
 */
export function outcomeOfFailure(error: Error | undefined): SendOutcome & { reason: string } {
  const reason = error?.message ?? 'no reason given';
  return codeOf(error) === status.INVALID_ARGUMENT ? { state: 'refused', reason } : { state: 'failed', reason };
}

export function rejectedOf(response: OtlpResponse | undefined): { rejected: number; reason: string } {
  const { rejectedSpans, rejectedLogRecords, rejectedDataPoints, errorMessage } = response?.partialSuccess ?? {};
  return {
    rejected: Number(rejectedSpans ?? rejectedLogRecords ?? rejectedDataPoints ?? 0),
    reason: errorMessage ?? '',
  };
}

function codeOf(error: Error | undefined): number {
  return error && 'code' in error && typeof error.code === 'number' ? error.code : -1;
}
