import { ServiceError } from '../../errors.ts';
import type { Breaker } from '../../resilience/breaker.ts';
import { Turnstile } from '../../resilience/turnstile.ts';
import { ours, say } from '../../sentence.ts';
import type { RunnableModel } from '../pipelines/runnable-model.ts';
import type { ModelFolder } from './model-folder.ts';

export type ModelState = 'loading' | 'ready' | 'unloading' | 'unavailable';

/** One version; `model` is there while it takes requests. */
export type Slot = { readonly version: string; state: ModelState; reason: string; model: RunnableModel | undefined };

/**
 * What is known of one model: its versions, the guard of its loading, and that only one change goes
 * on at a time.
 */
export class Shelf {
  readonly name: string;
  readonly breaker: Breaker;
  readonly #slots = new Map<string, Slot>();
  #newest: RunnableModel | undefined;
  readonly #turn = new Turnstile(1);

  constructor(name: string, breaker: Breaker) {
    this.name = name;
    this.breaker = breaker;
  }

  get slots(): Slot[] {
    return [...this.#slots.values()];
  }

  slot(version: string): Slot {
    let slot = this.#slots.get(version);
    if (!slot) {
      slot = { version, state: 'unavailable', reason: 'not loaded', model: undefined };
      this.#slots.set(version, slot);
    }
    return slot;
  }

  /**
   * The version asked for, or the newest that is ready; throws model_not_found or model_not_ready.
   */
  find(version: string | undefined): RunnableModel {
    return this.peek(version) ?? this.#absent(version);
  }

  /** The same; undefined where it is not ready. */
  peek(version: string | undefined): RunnableModel | undefined {
    return version === undefined ? this.#newest : this.#slots.get(version)?.model;
  }

  /**
   * Versions on disk become known; those that are gone from it and not loaded are forgotten. An
   * entry that cannot be read has one version without a name, whose reason says why.
   */
  note({ versions: readable, problem }: Pick<ModelFolder, 'versions' | 'problem'>): void {
    const versions = problem === undefined ? readable : [''];
    for (const version of versions) this.slot(version);
    if (problem !== undefined) this.slot('').reason = problem;
    for (const { version, state } of this.slots) {
      if (state === 'unavailable' && !versions.includes(version)) this.#slots.delete(version);
    }
  }

  /** The newest is looked up here, not for every request. */
  put(slot: Slot, model: RunnableModel): void {
    Object.assign(slot, { model, state: 'ready', reason: '' });
    this.#findNewest();
  }

  takeOut(slot: Slot): RunnableModel | undefined {
    const { model } = slot;
    if (!model) return undefined;
    Object.assign(slot, { model: undefined, state: 'unloading', reason: 'answering what it has taken' });
    this.#findNewest();
    return model;
  }

  inTurn(act: () => Promise<void>): Promise<void> {
    return this.#turn.pass(act);
  }

  #findNewest(): void {
    this.#newest = undefined;
    for (const { model } of this.#slots.values()) {
      if (model && (!this.#newest || BigInt(model.version) > BigInt(this.#newest.version))) this.#newest = model;
    }
  }

  #absent(version: string | undefined): never {
    const slots = this.slots.filter((slot) => version === undefined || slot.version === version);
    if (slots.length === 0) throw modelNotFound(this.name, version);
    const states = slots
      .map((slot) => `${slot.version && `version ${slot.version} is `}${slot.state}: ${slot.reason}`)
      .join('; ');
    throw new ServiceError(
      'model_not_ready',
      say`Cannot run model ${ours(this.name)}: ${states}; POST /v2/repository/models/${ours(this.name)}/load loads it.`,
      { retryAfterMs: 1000 },
    );
  }
}

export function modelNotFound(name: string, version?: string): ServiceError {
  return new ServiceError(
    'model_not_found',
    say`Cannot find model ${name.slice(0, 128)}${version === undefined ? '' : say` version ${version.slice(0, 20)}`}: the repository does not have it; POST /v2/repository/index lists what is there (VITRINE_MODELS).`,
  );
}
