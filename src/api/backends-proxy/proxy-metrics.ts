import type { FailureCode } from '../../errors.ts';
import type { Counter, Meter } from '../../telemetry/meter.ts';
import { type BackendName, backendNames } from './allowed-questions.ts';

const outcomes = [
  'ok',
  'backend_away',
  'backend_slow',
  'backend_failed',
  'backend_refused',
  'backend_answer_too_large',
  'rate_limited',
  'busy',
] as const satisfies readonly (FailureCode | 'ok')[];

/** What the page asked of the backends, by outcome; every series from zero. */
export class ProxyMetrics {
  readonly #requests: Counter<'proxyRequests'>;

  constructor(meter: Meter) {
    this.#requests = meter.counter('proxyRequests');
    for (const backend of backendNames) for (const outcome of outcomes) this.#requests.series(backend, outcome);
  }

  asked(backend: BackendName, outcome: FailureCode | 'ok'): void {
    this.#requests.series(backend, outcome).value += 1;
  }

  /** A question that was refused before it was read: `backend` is still what the caller wrote. */
  overQuota(backend: string): void {
    const known = backendNames.find((name) => name === backend);
    if (known) this.asked(known, 'rate_limited');
  }
}
