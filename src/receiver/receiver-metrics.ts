import { type FailureCode, ServiceError } from '../errors.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { PushedSeries } from './pushed-series.ts';
import { forgettable, type Store } from './store.ts';

export const doorNames = ['alerts', 'deploy', 'events'] as const;
export type DoorName = (typeof doorNames)[number];

const whatByDoor = {
  alerts: ['firing', 'resolved', 'expired'],
  deploy: ['deploy'],
  events: ['counter', 'gauge', 'histogram', 'event'],
} as const satisfies Record<DoorName, readonly string[]>;
type What = (typeof whatByDoor)[DoorName][number];

// Counted from 0, or the first refusal would be invisible to rate().
const expectedReasons = [
  'unauthorized',
  'forbidden',
  'invalid_body',
  'invalid_request',
  'body_incomplete',
  'body_too_large',
  'body_too_slow',
  'encoding_not_supported',
  'name_taken',
  'too_many_series',
  'busy',
  'not_kept',
  'not_ready',
  'internal',
] as const;

const unreadReasons = ['connections', 'invalid_request', 'headers_too_large', 'body_too_slow'] as const;

/** What the receiver counts about itself. */
export class ReceiverMetrics {
  readonly #meter: Meter;

  constructor({ meter, store, series }: { meter: Meter; store: Store; series: PushedSeries }) {
    this.#meter = meter;
    for (const door of doorNames) {
      for (const what of whatByDoor[door]) this.accepted(door, what, 0);
      for (const reason of expectedReasons) meter.counter('receiverRefused').series(door, reason);
      this.repeated(door, 0);
    }
    for (const reason of unreadReasons) meter.counter('receiverRefused').series('any', reason);
    const forgotten = meter.counter('receiverForgotten');
    for (const what of forgettable) forgotten.series(what);
    store.onForgotten = (what, count) => {
      forgotten.series(what).value += count;
    };
    meter.gauge('receiverSeries', (observe) => observe(series.size));

    // A name that fired once is 0 afterwards: a gauge that merely ends would look like firing for
    // minutes more.
    const once = new Map<string, readonly [alertname: string, severity: string]>();
    meter.gauge('receiverFiring', (observe) => {
      const firing = new Map<string, number>();
      for (const { name, severity, count } of store.firingByName()) {
        const key = JSON.stringify([name, severity]);
        firing.set(key, count);
        if (once.size < firingNamesMax) once.set(key, [name, severity]);
      }
      for (const [key, labels] of once) observe(firing.get(key) ?? 0, ...labels);
    });
  }

  accepted(door: DoorName, what: What, count: number): void {
    this.#meter.counter('receiverAccepted').series(door, what).value += count;
  }

  repeated(door: DoorName, count: number): void {
    this.#meter.counter('receiverRepeated').series(door).value += count;
  }

  /** What was refused before it was a request. */
  refusedUnread(code: FailureCode): void {
    this.refused('any', code === 'busy' ? 'connections' : code);
  }

  refused(door: DoorName | 'any', reason: string): void {
    this.#meter.counter('receiverRefused').series(door, reason).value += 1;
  }

  refusedBecause(door: DoorName, error: unknown): void {
    this.refused(door, error instanceof ServiceError ? error.code : 'internal');
  }
}

/** Names beyond it are in the list and in the log, but have no series of their own. */
const firingNamesMax = 1_000;
