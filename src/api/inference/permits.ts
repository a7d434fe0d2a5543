import type { Config } from '../../config.ts';
import { type Refusals, SharedBudget } from '../../resilience/shared-budget.ts';

/** Models that are remembered with nothing in flight, at most. */
const idleModelsMax = 256;

/**
 * How many requests are in flight, in all and for each model, with a share for each client. Beyond
 * the limit a request is refused with Retry-After: work that cannot be done soon is better refused
 * than hoarded.
 */
export class Permits {
  readonly all: SharedBudget;
  /** What the budgets of single models refused, added up. */
  readonly ofModels: { readonly name: string; readonly refused: Refusals };
  readonly #limits: Limits;
  readonly #byModel = new Map<string, SharedBudget>();

  constructor(limits: Limits, of: 'inference' | 'tasks') {
    this.#limits = limits;
    this.ofModels = { name: `${of}_of_model`, refused: { share: 0, full: 0 } };
    this.all = new SharedBudget({
      ...this.#terms,
      name: `${of}_in_flight`,
      max: limits.inFlightMax,
      held: (count) => `${count} requests are in flight`,
      setting: 'VITRINE_IN_FLIGHT_MAX',
    });
  }

  get inFlight(): number {
    return this.all.taken;
  }

  inFlightOf(model: string): number {
    return this.#byModel.get(model)?.taken ?? 0;
  }

  /** Every take that returns is followed by one `giveBack`. */
  take(model: string, client: string): void {
    this.all.take(client, 1);
    try {
      this.#of(model).take(client, 1);
    } catch (error) {
      this.all.giveBack(client, 1);
      throw error;
    }
  }

  giveBack(model: string, client: string): void {
    const ofModel = this.#of(model);
    ofModel.giveBack(client, 1);
    // A row that comes and goes with each request would rebuild its Map again and again.
    if (ofModel.taken === 0 && this.#byModel.size > idleModelsMax) this.#byModel.delete(model);
    this.all.giveBack(client, 1);
  }

  #of(model: string): SharedBudget {
    let ofModel = this.#byModel.get(model);
    if (ofModel === undefined) {
      ofModel = new SharedBudget({
        ...this.#terms,
        ...this.ofModels,
        max: this.#limits.modelInFlightMax,
        held: (count) => `${count} requests are in flight for this model`,
        setting: 'VITRINE_MODEL_IN_FLIGHT_MAX',
      });
      this.#byModel.set(model, ofModel);
    }
    return ofModel;
  }

  get #terms() {
    return { sharePercent: this.#limits.clientSharePercent, largest: 1, cannot: 'Cannot take the request' } as const;
  }
}

type Limits = Pick<Config, 'inFlightMax' | 'modelInFlightMax' | 'clientSharePercent'>;
