import { ServiceError } from '../errors.ts';
import { counter, observableGauge } from '../telemetry/meter/metrics.ts';
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

// Told as 0 from the start, or the first refusal would be invisible to rate().
const expectedReasons = [
  'unauthorized',
  'forbidden',
  'invalid_body',
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

/** What the receiver counts about itself. */
export class ReceiverMetrics {
  readonly #accepted = counter('receiverAccepted');
  readonly #repeated = counter('receiverRepeated');
  readonly #refused = counter('receiverRefused');
  readonly #forgotten = counter('receiverForgotten');

  constructor({ store, series }: { store: Store; series: PushedSeries }) {
    for (const door of doorNames) {
      for (const what of whatByDoor[door]) this.accepted(door, what, 0);
      for (const reason of expectedReasons) this.#refused.add(0, { door, reason });
      this.repeated(door, 0);
    }
    this.#refused.add(0, { door: 'any', reason: 'connections' });
    for (const what of forgettable) this.#forgotten.add(0, { what });
    store.onForgotten = (what, count) => this.#forgotten.add(count, { what });
    observableGauge('receiverSeries').addCallback((result) => result.observe(series.size));

    // A name that fired once is told as 0 afterwards: a gauge that merely ends would look like firing for minutes more.
    const once = new Map<string, { alertname: string; severity: string }>();
    observableGauge('receiverFiring').addCallback((result) => {
      const firing = new Map<string, number>();
      for (const { name, severity, count } of store.firingByName()) {
        const key = JSON.stringify([name, severity]);
        firing.set(key, count);
        if (once.size < firingNamesMax) once.set(key, { alertname: name, severity });
      }
      for (const [key, labels] of once) result.observe(firing.get(key) ?? 0, labels);
    });
  }

  accepted(door: DoorName, what: What, count: number): void {
    this.#accepted.add(count, { door, what });
  }

  repeated(door: DoorName, count: number): void {
    this.#repeated.add(count, { door });
  }

  refused(door: DoorName | 'any', reason: string): void {
    this.#refused.add(1, { door, reason });
  }

  refusedBecause(door: DoorName, error: unknown): void {
    this.refused(door, error instanceof ServiceError ? error.code : 'internal');
  }
}

/** Names beyond it are in the list and in the log, but have no series of their own. */
const firingNamesMax = 1_000;
