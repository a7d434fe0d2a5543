import { ServiceError } from '../errors.ts';
import type { LoadedModel } from './model.ts';

export type ModelState = 'loading' | 'ready' | 'unloading' | 'unavailable';

/** One version of one model in the repository; `reason` says why it is not ready, or how it is ready (a provider refused …). */
export type ModelStatus = {
  readonly name: string;
  readonly version: string;
  readonly state: ModelState;
  readonly reason: string;
};

/** Every model there is, by name and version. */
export class Registry implements AsyncDisposable {
  readonly #ready = new Map<string, Map<string, LoadedModel>>();

  /** Everything in the repository, loaded or not. */
  models(): ModelStatus[] {
    return [];
  }

  /** False once the process should be replaced: more lanes are stuck than may be abandoned. `/live` goes by it. */
  get healthy(): boolean {
    return true;
  }

  /** The versions of a model that are ready, newest first. */
  versions(name: string): string[] {
    return [...(this.#ready.get(name)?.keys() ?? [])];
  }

  /** The version asked for, or the newest that is ready. Throws model_not_found or model_not_ready. */
  find(name: string, version?: string): LoadedModel {
    throw new ServiceError(
      'model_not_found',
      `Cannot find model ${name}${version ? ` version ${version}` : ''}: the repository does not have it; see POST /v2/repository/index.`,
    );
  }

  /** Loads what the version policy names, or anew what is loaded, without a failed request. `config` overrides model.json. */
  async load(name: string, _options?: { config?: unknown }): Promise<void> {
    this.find(name);
  }

  /** Takes no new request, answers those it has, then lets go. Throws model_not_found. */
  async unload(name: string): Promise<void> {
    this.find(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ready.clear();
  }
}
