import { SharedBudget } from '../resilience/shared-budget.ts';
import { isFailed, type RequestWords } from './flight/flight-record.ts';
import type { RequestRow } from './flight/request-row.ts';
import type { AlwaysKept, KeptBecause } from './kept-reasons.ts';

/** Requests to none are counted together. */
const noModel = '';

/** The trace settings of a model at this moment: they change at run time. */
export type SamplingSettings = { trace_level: readonly string[]; trace_rate: number; trace_count: number };

export type TraceKeeperOptions = {
  /** Of each model, the first so many a second are kept. */
  firstPerSecond: number;
  slowMs: number;
  /** What callers may force a second, by header or traceparent together. */
  forcedPerSecond: number;
  /**
   * Failed and slow ones a second at most: a storm of refusals is counted, not traced one by one.
   */
  troublePerSecond: number;
  /** Percent of both that each tenant can count on. */
  sharePercent: number;
  settings: (model: string) => SamplingSettings;
};

/**
 * Decides, when a request has ended, whether its spans and its log line are made. Everything is
 * known then, so what went wrong or was slow is kept, and of the rest a few. What is not kept is in
 * the metrics all the same, exactly.
 */
export class TraceKeeper {
  readonly #options: TraceKeeperOptions;
  readonly #firsts = new Map<string, { left: number; sampled: number; taken: number; unkept: number }>();
  #second = -1;
  readonly #forced: SharedBudget;
  readonly #trouble: SharedBudget;
  #weight = 1;

  constructor(options: TraceKeeperOptions) {
    this.#options = options;
    this.#forced = perSecond(options.forcedPerSecond, options.sharePercent);
    this.#trouble = perSecond(options.troublePerSecond, options.sharePercent);
  }

  /**
   * For how many requests the last kept one stands: of one that was drawn, all of its model since the
   * one drawn before, which nothing else kept.
   */
  get weight(): number {
    return this.#weight;
  }

  /** `wanted`: by X-Vitrine-Trace: 1, or by a traceparent that says sampled. */
  decide(
    { status, startedAt, tookMs }: Pick<RequestRow, 'status' | 'startedAt' | 'tookMs'>,
    { tenant, model, failure }: Pick<RequestWords, 'tenant' | 'model' | 'failure'>,
    wanted: 'forced' | 'caller' | undefined,
    always: AlwaysKept | undefined,
  ): KeptBecause | undefined {
    this.#beginSecond(Math.floor((startedAt + tookMs) / 1000));
    this.#weight = 1;
    if (isFailed({ failure, status }) && this.#trouble.tryTake(tenant, 1)) return 'failed';
    if (tookMs >= this.#options.slowMs && this.#trouble.tryTake(tenant, 1)) return 'slow';
    if (always !== undefined && always !== 'logged') return always;
    if (wanted !== undefined && this.#forced.tryTake(tenant, 1)) return wanted;
    const drawn = this.#sample(model ?? noModel);
    if (drawn === undefined && always !== undefined) this.#draw(this.#of(model ?? noModel));
    return drawn ?? always;
  }

  #sample(model: string): KeptBecause | undefined {
    const { trace_level, trace_rate, trace_count } = this.#options.settings(model);
    if (trace_level[0] === 'OFF') return undefined;
    const of = this.#of(model);
    if (trace_count >= 0 && of.taken >= trace_count) return undefined;
    of.sampled += 1;
    of.unkept += 1;
    if (of.left > 0) {
      of.left -= 1;
      of.taken += 1;
      this.#draw(of);
      return 'first';
    }
    if (of.sampled < trace_rate) return undefined;
    of.sampled = 0;
    of.taken += 1;
    this.#draw(of);
    return 'sample';
  }

  #draw(of: { unkept: number }): void {
    this.#weight = Math.max(1, of.unkept);
    of.unkept = 0;
  }

  #of(model: string): { left: number; sampled: number; taken: number; unkept: number } {
    let of = this.#firsts.get(model);
    if (!of) {
      of = { left: this.#options.firstPerSecond, sampled: 0, taken: 0, unkept: 0 };
      this.#firsts.set(model, of);
    }
    return of;
  }

  #beginSecond(second: number): void {
    // A stream that ends has taken as long as until it began.
    if (second <= this.#second) return;
    this.#second = second;
    this.#forced.giveAllBack();
    this.#trouble.giveAllBack();
    for (const of of this.#firsts.values()) of.left = this.#options.firstPerSecond;
  }
}

/**
 * So many a second, in which each tenant has its share: given back as a whole when the second is
 * over.
 */
function perSecond(max: number, sharePercent: number): SharedBudget {
  return new SharedBudget({
    name: 'traces',
    max,
    sharePercent,
    largest: 1,
    cannot: 'Cannot keep the trace',
    held: (count) => `${count} are kept this second`,
    setting: 'VITRINE_TRACE_FORCED_PER_SECOND',
  });
}
