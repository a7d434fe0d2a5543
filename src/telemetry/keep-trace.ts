import { type FlightRecord, isFailed } from './flight/flight-record.ts';
import type { AlwaysKept, KeptBecause } from './kept-reasons.ts';

/** Requests to none are counted together. */
const noModel = '';

/** How a request ended. */
export type Outcome = Pick<FlightRecord, 'model' | 'status' | 'failure' | 'startedAt' | 'tookMs'>;

/** The trace settings of a model at this moment: they change at run time. */
export type SamplingSettings = { trace_level: readonly string[]; trace_rate: number; trace_count: number };

export type TraceKeeperOptions = {
  /** Of each model, the first so many a second are kept. */
  firstPerSecond: number;
  slowMs: number;
  /** What callers may force a second, by header or traceparent together. */
  forcedPerSecond: number;
  /** Failed and slow ones a second at most: a storm of refusals is counted, not traced one by one. */
  troublePerSecond: number;
  settings: (model: string) => SamplingSettings;
};

/**
 * Decides, when a request has ended, whether its spans and its log line are made. Everything is known then, so what went wrong or was slow is kept,
 * and of the rest a few. What is not kept is in the metrics all the same, exactly.
 */
export class TraceKeeper {
  readonly #options: TraceKeeperOptions;
  readonly #firsts = new Map<string, { left: number; sampled: number; taken: number }>();
  #second = -1;
  #forcedLeft = 0;
  #troubleLeft = 0;

  constructor(options: TraceKeeperOptions) {
    this.#options = options;
  }

  /** `wanted`: by X-Vitrine-Trace: 1, or by a traceparent that says sampled. */
  decide(
    request: Outcome,
    wanted: 'forced' | 'caller' | undefined,
    always: AlwaysKept | undefined,
  ): KeptBecause | undefined {
    const { model, startedAt, tookMs } = request;
    this.#beginSecond(Math.floor((startedAt + tookMs) / 1000));
    if (isFailed(request) && this.#troubleLeft > 0) {
      this.#troubleLeft -= 1;
      return 'failed';
    }
    if (tookMs >= this.#options.slowMs && this.#troubleLeft > 0) {
      this.#troubleLeft -= 1;
      return 'slow';
    }
    if (always !== undefined && always !== 'logged') return always;
    if (wanted !== undefined && this.#forcedLeft > 0) {
      this.#forcedLeft -= 1;
      return wanted;
    }
    return this.#sample(model ?? noModel) ?? always;
  }

  #sample(model: string): KeptBecause | undefined {
    const { trace_level, trace_rate, trace_count } = this.#options.settings(model);
    if (trace_level[0] === 'OFF') return undefined;
    const of = this.#of(model);
    if (trace_count >= 0 && of.taken >= trace_count) return undefined;
    of.sampled += 1;
    if (of.left > 0) {
      of.left -= 1;
      of.taken += 1;
      return 'first';
    }
    if (of.sampled < trace_rate) return undefined;
    of.sampled = 0;
    of.taken += 1;
    return 'sample';
  }

  #of(model: string): { left: number; sampled: number; taken: number } {
    let of = this.#firsts.get(model);
    if (!of) {
      of = { left: this.#options.firstPerSecond, sampled: 0, taken: 0 };
      this.#firsts.set(model, of);
    }
    return of;
  }

  #beginSecond(second: number): void {
    // A stream that ends has taken as long as until it began.
    if (second <= this.#second) return;
    this.#second = second;
    this.#forcedLeft = this.#options.forcedPerSecond;
    this.#troubleLeft = this.#options.troublePerSecond;
    for (const of of this.#firsts.values()) of.left = this.#options.firstPerSecond;
  }
}
