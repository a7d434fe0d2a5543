import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Signal } from '../src/telemetry/export/signals.ts';

export type Answer =
  | 'accept'
  | 'hang'
  | { acceptAfter: Promise<void> }
  | { code: number }
  | { rejected: number; reason: string };

/**
 * A receiving end of OTLP/gRPC that answers on command, for answers that no real Collector gives
 * on demand. It keeps what it accepted: the words `item-<n>;` in each request,
 * in the order of arrival.
 */
export class OtlpReceiver {
  readonly items: Record<Signal, string[]> = { traces: [], metrics: [], logs: [] };
  /** Every request that was accepted, as it came over the wire. */
  readonly received: Buffer[] = [];
  answer: Answer = 'accept';
  requests = 0;
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(port = 0, credentials = ServerCredentials.createInsecure()): Promise<OtlpReceiver> {
    const server = new Server();
    let receiver: OtlpReceiver | undefined;
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      server.addService(
        {
          Export: {
            path: paths[signal],
            requestStream: false,
            responseStream: false,
            requestSerialize: same,
            requestDeserialize: same,
            responseSerialize: same,
            responseDeserialize: same,
          },
        },
        { Export: (call: Call, reply: sendUnaryData<Buffer>) => receiver?.receive(signal, call.request, reply) },
      );
    }
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) => (error ? reject(error) : resolve(at)));
    });
    receiver = new OtlpReceiver(server, bound);
    return receiver;
  }

  receive(signal: Signal, request: Buffer, reply: sendUnaryData<Buffer>): void {
    this.requests += 1;
    const { answer } = this;
    if (answer === 'hang') return;
    if (typeof answer === 'object' && 'acceptAfter' in answer) {
      void answer.acceptAfter.then(() => this.#accept(signal, request, reply, Buffer.alloc(0)));
      return;
    }
    if (typeof answer === 'object' && 'code' in answer) {
      reply({ code: answer.code, details: `answered ${status[answer.code]} as told` });
      return;
    }
    this.#accept(
      signal,
      request,
      reply,
      answer === 'accept' ? Buffer.alloc(0) : partialSuccess(answer.rejected, answer.reason),
    );
  }

  #accept(signal: Signal, request: Buffer, reply: sendUnaryData<Buffer>, response: Buffer): void {
    this.received.push(request);
    this.items[signal].push(...(request.toString('latin1').match(/item-\d+;/g) ?? []));
    reply(null, response);
  }

  /** Gone at once, connections and all, as after kill -9. */
  stop(): void {
    this.#server.forceShutdown();
  }
}

type Call = ServerUnaryCall<Buffer, Buffer>;

const same = (bytes: Buffer) => bytes;

const paths = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/**
 * Export…ServiceResponse { partial_success = 1 { rejected_… = 1 (int64), error_message = 2 } }, the
 * same for all signals.
 */
function partialSuccess(rejected: number, reason: string): Buffer {
  const words = Buffer.from(reason);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, words.length]), words]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}
