import type { Config } from '../config.ts';
import type { LoadedModel } from '../engine/model.ts';
import { ServiceError } from '../errors.ts';
import { Breaker } from '../resilience/breaker.ts';

/** A breaker for each loaded model: one that fails again and again is left alone for a while. A model that is loaded anew begins closed. */
export class ModelBreakers {
  readonly #options: { failuresMax: number; openMs: number };
  readonly #breakers = new WeakMap<LoadedModel, Breaker>();

  constructor(config: Pick<Config, 'breakerFailuresMax' | 'breakerOpenMs'>) {
    this.#options = { failuresMax: config.breakerFailuresMax, openMs: config.breakerOpenMs };
  }

  state(model: LoadedModel): Breaker['state'] {
    return this.#breakers.get(model)?.state ?? 'closed';
  }

  /** Does it unless the breaker is open. Only what is the model's fault counts: not bad inputs, full queues or callers who left. */
  async guard<Answer>(model: LoadedModel, act: () => Promise<Answer>): Promise<Answer> {
    let breaker = this.#breakers.get(model);
    if (breaker === undefined) {
      breaker = new Breaker(this.#options);
      this.#breakers.set(model, breaker);
    }
    const waitMs = breaker.admit();
    if (waitMs > 0)
      throw new ServiceError(
        'circuit_open',
        `Cannot run ${model.name}: it failed ${this.#options.failuresMax} times in a row and is left alone; come again in ${Math.ceil(waitMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
        { retryAfterMs: waitMs },
      );
    try {
      const answer = await act();
      breaker.succeeded();
      return answer;
    } catch (error) {
      if (isItsFault(error)) breaker.failed();
      throw error;
    }
  }
}

function isItsFault(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return true;
  return error.code === 'inference_failed' || error.code === 'lane_crashed' || error.code === 'internal';
}
