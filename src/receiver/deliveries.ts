import type { Context } from '@opentelemetry/api';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import type { BodyReader } from '../http/body-reader.ts';
import { idempotencyKey } from '../http/idempotency-key.ts';
import { readHeaders } from '../http/read-by.ts';
import { requestTrace } from '../http/trace-request.ts';
import { Turnstile } from '../resilience/turnstile.ts';
import type { Telemetry } from '../running-telemetry.ts';
import { say } from '../sentence.ts';
import type { DoorName, ReceiverMetrics } from './receiver-metrics.ts';
import type { SharedDeliveries } from './shared-deliveries.ts';
import type { Store } from './store.ts';

export type Delivery = { body: Buffer; context: Context };

/**
 * Reads a delivery and logs what it says. `remember` writes to the store, in one transaction, once
 * the logs are safe; `done` counts it. So a delivery that was answered 2xx is with the Collector or
 * on disk, and another may be sent again.
 */
export type Receive = (delivery: Delivery) => {
  answer: Record<string, unknown>;
  remember: () => void;
  done: () => void;
};

type DeliveryParts = {
  config: Config;
  telemetry: Telemetry;
  store: Store;
  metrics: ReceiverMetrics;
  shared: SharedDeliveries;
  bodies: BodyReader;
};

const headers = z.object({ 'Idempotency-Key': idempotencyKey });

/** Takes deliveries, the same way on every route: a place, a body, then one delivery at a time. */
export class Deliveries {
  readonly #parts: DeliveryParts;
  /**
   * What waits in the telemetry's memory is then at most one delivery, and no delivery sees half of
   * another.
   */
  readonly #turn = new Turnstile(1);
  #inFlight = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** The handler of deliveries that the guard has let in. */
  for(door: DoorName, receive: Receive) {
    const { bodies, metrics } = this.#parts;
    return async (request: Request, response: Response): Promise<void> => {
      const { context } = requestTrace(response);
      try {
        using _place = this.#takePlace();
        const sent = readHeaders(headers, request)['Idempotency-Key'];
        // The same key on another route is another delivery.
        const key = sent === undefined ? undefined : `${door}:${sent}`;
        const { bytes, release } = await bodies.read(request, bodies.parametersBytesMax);
        try {
          const delivery = { body: bytes, context };
          const take = () => this.#take({ door, key, receive, delivery });
          response.json(await this.#turn.pass(() => this.#parts.shared.during(take)));
        } finally {
          release();
        }
      } catch (error) {
        metrics.refusedBecause(door, error);
        throw error;
      }
    };
  }

  /** Bounds the bodies in memory. */
  #takePlace(): Disposable {
    const { receiverRequestsMax } = this.#parts.config;
    if (this.#inFlight >= receiverRequestsMax) {
      throw new ServiceError(
        'busy',
        say`Cannot take this now: ${this.#inFlight} requests are being worked on; come again in a second, or raise VITRINE_RECEIVER_REQUESTS_MAX.`,
        { retryAfterMs: 1_000 },
      );
    }
    this.#inFlight += 1;
    return {
      [Symbol.dispose]: () => {
        this.#inFlight -= 1;
      },
    };
  }

  async #take(of: { door: DoorName; key: string | undefined; receive: Receive; delivery: Delivery }) {
    const { store, telemetry, metrics } = this.#parts;
    if (of.key !== undefined && store.hasDelivery(of.key)) {
      metrics.repeated(of.door, 1);
      return { repeated: true };
    }
    const droppedBefore = telemetry.logsGivenUp();
    const { answer, remember, done } = of.receive(of.delivery);
    const settled = await telemetry.settleLogs();
    if (!settled || telemetry.logsGivenUp() > droppedBefore) {
      throw new ServiceError(
        'not_kept',
        say`Cannot take this now: it could neither be passed on nor kept; send it again, and free the disk of VITRINE_DATA.`,
        { retryAfterMs: 1_000 },
      );
    }
    store.inTransaction(() => {
      remember();
      if (of.key !== undefined) store.rememberDelivery(of.key, Date.now());
    });
    done();
    return answer;
  }
}
