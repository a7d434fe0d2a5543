import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { say } from '../../sentence.ts';
import { isReady } from '../health/health.ts';
import type { HealthChecks } from '../health/health-checks.ts';
import type { CallReceiver, GrpcCall } from './grpc-call.ts';
import { missingMessage } from './one-message.ts';
import { Codec, type Message } from './protocol/codec.ts';
import { healthFile } from './protocol/health-file.ts';
import { writtenMessage } from './unary.ts';

export const healthCodec = new Codec(healthFile);
const statuses = healthFile.enums['HealthCheckResponse.ServingStatus'];

export type HealthParts = {
  readonly lifecycle: Lifecycle;
  readonly registry: Registry;
  readonly healthChecks: HealthChecks;
  /** Names of the services that are served here. */
  readonly services: ReadonlySet<string>;
};

/** Whether the service takes work; by the name of a gRPC service, or by none. */
export async function checkHealth(parts: HealthParts, { service }: Message): Promise<Message> {
  const status = await statusOf(parts, service as string);
  if (status === statuses.SERVICE_UNKNOWN)
    throw new ServiceError(
      'not_found',
      say`Cannot say how it is: there is no gRPC service of this name; leave the name empty.`,
    );
  return { status };
}

/** How often a watched state is looked at. */
const lookMs = 500;

/** The same at once and whenever it changes, until the caller leaves or the service stops. */
export class HealthWatch implements CallReceiver {
  readonly #parts: HealthParts;
  readonly #call: GrpcCall;
  #last: number | undefined;
  #service: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: HealthParts, call: GrpcCall) {
    this.#parts = parts;
    this.#call = call;
    call.trace.beginStream();
  }

  received(body: Body): void {
    const isFirst = this.#service === undefined;
    this.#service ??= healthCodec.decode('HealthCheckRequest', body.bytes).service as string;
    body.release();
    if (!isFirst) return;
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
    this.#look();
  }

  ended(hadMessage: boolean): void {
    if (!hadMessage) this.#call.fail(missingMessage());
  }

  left(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    statusOf(this.#parts, this.#service!).then(
      (status) => this.#say(status),
      (error: unknown) => this.#call.fail(error),
    );
  }

  #say(status: number): void {
    if (status !== this.#last && !this.#call.isEnded) {
      this.#last = status;
      this.#call.write(writtenMessage(healthCodec, 'HealthCheckResponse', { status }));
    }
    if (this.#parts.lifecycle.state === 'stopping') this.#call.end();
  }
}

async function statusOf(parts: HealthParts, service: string): Promise<number> {
  if (service !== '' && !parts.services.has(service)) return statuses.SERVICE_UNKNOWN;
  return (await isReady(parts)) ? statuses.SERVING : statuses.NOT_SERVING;
}
