import type { Context } from '@opentelemetry/api';
import type { Request, Response } from 'express';
import type { Word } from '../api/routes.ts';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { refusalOfForeignPage } from '../http/foreign-pages.ts';
import { isLoopback } from '../http/loopback.ts';
import { requestTrace } from '../http/trace-request.ts';
import { say } from '../sentence.ts';
import type { Telemetry } from '../telemetry/export/start.ts';
import { authorize } from './bearer-token.ts';
import { readBody } from './read-body.ts';
import type { DoorName, ReceiverMetrics } from './receiver-metrics.ts';
import type { Store } from './store.ts';

export type Delivery = { body: Buffer; context: Context };

/**
 * Takes what was delivered and tells it on. `remember` writes to the store, in one transaction, once everything told is safe; `done` counts it.
 * So a delivery that was answered 2xx is with the Collector or on disk, and one that was not may come again.
 */
export type Receive = (delivery: Delivery) => {
  answer: Record<string, unknown>;
  remember: () => void;
  done: () => void;
};

/** The way in, the same for every door: a token, a place, a body, then one delivery at a time. */
export class Door {
  readonly #parts: { config: Config; telemetry: Telemetry; store: Store; metrics: ReceiverMetrics };
  #inFlight = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: { config: Config; telemetry: Telemetry; store: Store; metrics: ReceiverMetrics }) {
    this.#parts = parts;
  }

  /** Lets a request pass as the word of its route says, or throws. */
  async admit(word: Word, request: Request): Promise<void> {
    if (word.may === 'open') return;
    const token = word.may === 'client' ? word.token : undefined;
    if (token === undefined) throw new Error('A route of the receiver wants a token that is not in src/api/routes.ts');
    const { config, metrics } = this.#parts;
    const tokenFile = config[tokenFiles[token]];
    try {
      // With a token, a proxy may stand before it and bring its own name as Host.
      const onlyLoopbackHosts = isLoopback(config.bind) && tokenFile === '';
      const foreign = refusalOfForeignPage(request, { onlyLoopbackHosts, hasOwnPage: false });
      if (foreign) throw foreign;
      await authorize(request, tokenFile);
    } catch (error) {
      metrics.refusedBecause(token, error);
      throw error;
    }
  }

  /** The handler of deliveries that were let in. */
  for(door: DoorName, receive: Receive) {
    const { config, metrics } = this.#parts;
    return async (request: Request, response: Response): Promise<void> => {
      const { context } = requestTrace(response);
      try {
        using _place = this.#takePlace();
        const key = idempotencyKey(door, request);
        const body = await readBody(request, {
          bytesMax: config.receiverBodyBytesMax,
          msMax: config.receiverBodyMsMax,
        });
        const answer = await this.#inTurn(() => this.#take({ door, key, receive, delivery: { body, context } }));
        response.json(answer);
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

  /** One after the other: what waits in the telemetry's memory is then at most one delivery, and no two of them see half of each other. */
  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #take(of: { door: DoorName; key: string | undefined; receive: Receive; delivery: Delivery }) {
    const { store, telemetry, metrics } = this.#parts;
    if (of.key !== undefined && store.hasDelivery(of.key)) {
      metrics.repeated(of.door, 1);
      return { repeated: true };
    }
    const droppedBefore = droppedLogs(telemetry);
    const { answer, remember, done } = of.receive(of.delivery);
    const settled = await telemetry.settleLogs();
    if (!settled || droppedLogs(telemetry) > droppedBefore) {
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

const tokenFiles = {
  alerts: 'receiverAlertsTokenFile',
  deploy: 'receiverDeployTokenFile',
  events: 'receiverEventsTokenFile',
} as const;

/** Records that were new when they were given up. Old ones that make room in the spool are no concern of this delivery. */
function droppedLogs(telemetry: Telemetry): number {
  const { memory_full, spool_unwritable } = telemetry.ledger.account('logs').dropped;
  return memory_full + spool_unwritable;
}

/** Lets a script send again what was perhaps taken: the same key at the same door counts once. */
function idempotencyKey(door: DoorName, request: Request): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined) return undefined;
  if (/^[\x21-\x7e]{1,128}$/.test(key)) return `${door}:${key}`;
  throw new ServiceError(
    'invalid_body',
    say`Cannot take this: Idempotency-Key has to be 1 to 128 visible ASCII characters; leave it out or shorten it.`,
  );
}
