import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';

/** Models that are remembered with nothing in flight, at most. */
const idleModelsMax = 256;

/** How many requests are in flight, in all and for each model. Beyond the limit a caller is told to come again: work that cannot be done soon is better refused than hoarded. */
export class Permits {
  readonly #limits: Pick<Config, 'inFlightMax' | 'modelInFlightMax'>;
  readonly #byModel = new Map<string, number>();
  #inFlight = 0;

  constructor(limits: Pick<Config, 'inFlightMax' | 'modelInFlightMax'>) {
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  inFlightOf(model: string): number {
    return this.#byModel.get(model) ?? 0;
  }

  /** Every take that returns is followed by one `giveBack`. */
  take(model: string): void {
    if (this.#inFlight >= this.#limits.inFlightMax)
      throw busy(`${this.#inFlight} requests are in flight`, 'VITRINE_IN_FLIGHT_MAX');
    const ofModel = this.#byModel.get(model) ?? 0;
    if (ofModel >= this.#limits.modelInFlightMax)
      throw busy(`${ofModel} requests are in flight for this model`, 'VITRINE_MODEL_IN_FLIGHT_MAX');
    this.#inFlight += 1;
    this.#byModel.set(model, ofModel + 1);
  }

  giveBack(model: string): void {
    const ofModel = this.#byModel.get(model) ?? 0;
    // A row that goes and comes with each request has its Map made anew again and again.
    if (ofModel <= 1 && this.#byModel.size > idleModelsMax) this.#byModel.delete(model);
    else this.#byModel.set(model, ofModel - 1);
    this.#inFlight -= 1;
  }
}

function busy(because: string, setting: string): ServiceError {
  return new ServiceError('busy', `Cannot take the request: ${because}; come again, or raise ${setting}.`, {
    retryAfterMs: 1000,
  });
}
