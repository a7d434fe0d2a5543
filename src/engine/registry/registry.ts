import { recordedReason, ServiceError } from '../../errors.ts';
import { Breaker } from '../../resilience/breaker.ts';
import { Turnstile } from '../../resilience/turnstile.ts';
import { ours, say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { type EngineObserver, unobserved } from '../engine-observer.ts';
import type { GpuMeter } from '../inference.ts';
import { AbandonedLanes } from '../lanes/abandoned-lanes.ts';
import type { LoadedModel } from '../model.ts';
import { parseManifest } from './complete-manifest.ts';
import type { ManifestFile } from './manifest-schema.ts';
import { isFolder, scanModel, scanRepository } from './model-folder.ts';
import type { RegistryConfig } from './registry-config.ts';
import { RepositoryWatch } from './repository-watch.ts';
import { type ModelState, modelNotFound, Shelf } from './shelf.ts';
import { fromTritonConfig, isTritonConfig } from './triton-config.ts';
import { unloadSlot } from './unload-slot.ts';
import { VersionLoader } from './version-loader.ts';

export type { RegistryConfig } from './registry-config.ts';
export type { ModelState } from './shelf.ts';

/**
 * One version of one model in the repository; `reason` says why it is not ready, or what is not
 * well with one that is.
 */
export type ModelStatus = {
  readonly name: string;
  readonly version: string;
  readonly state: ModelState;
  readonly reason: string;
  readonly model: LoadedModel | undefined;
};

/**
 * Every model, by name and version. A model that cannot be loaded is reported with its reason and
 * hurts no other.
 */
export class Registry implements AsyncDisposable {
  readonly #config: RegistryConfig;
  readonly #shelves = new Map<string, Shelf>();
  readonly #abandoned = new AbandonedLanes();
  readonly #turnstile: Turnstile;
  readonly #loader: VersionLoader;
  readonly #stopping = new AbortController();
  #watch: RepositoryWatch | undefined;

  constructor(config: RegistryConfig, observer: EngineObserver = unobserved, gpu?: GpuMeter) {
    this.#config = config;
    this.#turnstile = new Turnstile(config.modelsLoadingMax);
    this.#loader = new VersionLoader(config, observer, gpu, this.#abandoned, this.#stopping.signal);
  }

  /**
   * Loads what VITRINE_MODEL_CONTROL says, several at a time. Resolves when all have been tried;
   * what failed is in `models()` and in the log, and is no reason not to start.
   */
  async start(): Promise<void> {
    const { models, modelControl, modelsWatchMs } = this.#config;
    const folders = await scanRepository(models);
    for (const folder of folders) this.#shelfOf(folder.name).note(folder);
    const names = modelControl === 'explicit' ? this.#namesToLoad() : folders.map(({ name }) => name);
    await Promise.all(names.map((name) => this.#loadOrLog(name)));
    await this.#warnIfNoneServes();
    if (modelControl !== 'watch') return;
    this.#watch = new RepositoryWatch(models, modelsWatchMs, folders, {
      appeared: (name) => this.#loadOrLog(name),
      changed: (name) => this.#loadOrLog(name),
      vanished: (name) => this.unload(name),
    });
  }

  /**
   * Whether a start is meant to end with models: without, only where each is to be loaded by
   * request.
   */
  get expectsModels(): boolean {
    return this.#config.modelControl !== 'explicit' || this.#namesToLoad().length > 0;
  }

  /** Everything known, loaded or not. */
  models(): ModelStatus[] {
    return [...this.#shelves.values()].flatMap(({ name, slots }) =>
      slots.map(({ version, state, reason, model }) => ({
        name,
        version,
        state,
        reason: reason || (model?.warning ?? ''),
        model,
      })),
    );
  }

  /** The same after a look at the folder, so that models which were added since are there too. */
  async index(): Promise<ModelStatus[]> {
    for (const folder of await scanRepository(this.#config.models)) this.#shelfOf(folder.name).note(folder);
    return this.models();
  }

  /** The guard of each model's loading; that of its runs is the loaded model's own. */
  loadBreakers(): Record<string, Breaker['state']> {
    return Object.fromEntries([...this.#shelves.values()].map(({ name, breaker }) => [name, breaker.state]));
  }

  /**
   * False once the process should be replaced: more threads are stuck than may be abandoned.
   * `/live` goes by it.
   */
  get healthy(): boolean {
    return this.#abandoned.count <= 1;
  }

  /** Threads left in a run that does not end. */
  get abandonedLanes(): number {
    return this.#abandoned.count;
  }

  /** The versions of a model that are ready, newest first; empty for a model that is not known. */
  versions(name: string): string[] {
    return (this.#shelves.get(name)?.slots ?? [])
      .filter(({ state }) => state === 'ready')
      .map(({ version }) => version)
      .sort((one, other) => Number(BigInt(other) - BigInt(one)));
  }

  /**
   * The version asked for, or the newest that is ready. Throws model_not_found or model_not_ready.
   */
  find(name: string, version?: string): LoadedModel {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw modelNotFound(name, version);
    return shelf.find(version);
  }

  /**
   * Loads what the version policy names, or reloads it, without a failed request. `config` stands in
   * for model.json, in its words or in Triton's.
   */
  async load(name: string, options: { config?: () => unknown } = {}): Promise<void> {
    const folder = await scanModel(this.#config.models, name);
    if (!folder) throw modelNotFound(name);
    const config = options.config?.();
    const given = config === undefined ? undefined : manifestOf(config);
    const shelf = this.#shelfOf(name);
    shelf.note(folder);
    try {
      if (folder.problem !== undefined) throw folderUnreadable(name, folder.problem);
      await shelf.inTurn(() => this.#turnstile.pass(() => this.#loader.load(shelf, folder, given)));
    } catch (error) {
      logNotLoaded(name, error);
      throw error;
    }
  }

  /** Takes no new request, answers those it has, then lets go. Throws model_not_found. */
  async unload(name: string): Promise<void> {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw modelNotFound(name);
    await shelf.inTurn(async () => {
      await Promise.all(shelf.slots.map((slot) => unloadSlot(shelf, slot, 'unloaded')));
    });
    if (!(await scanModel(this.#config.models, name))) this.#shelves.delete(name);
  }

  /**
   * Answers who is inside and lets all models go. A thread that is stuck in a run is waited for,
   * since `process.exit` would hang in it: the caller sets a limit, and ends the process by SIGKILL
   * beyond it.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#watch?.[Symbol.asyncDispose]();
    await Promise.all(
      [...this.#shelves.values()].map((shelf) =>
        shelf.inTurn(async () => {
          await Promise.all(shelf.slots.map((slot) => unloadSlot(shelf, slot, 'the service stops')));
        }),
      ),
    );
    await this.#abandoned.allEnded();
  }

  async #loadOrLog(name: string): Promise<void> {
    try {
      await this.load(name);
    } catch (error) {
      // Every other failure has its line already.
      if (error instanceof ServiceError && error.code === 'model_not_found') logNotLoaded(name, error);
    }
  }

  async #warnIfNoneServes(): Promise<void> {
    const isThere = await isFolder(this.#config.models);
    if (isThere && (!this.expectsModels || this.models().some(({ state }) => state === 'ready'))) return;
    const why = isThere
      ? 'none of the folder of VITRINE_MODELS could be loaded'
      : 'the folder of VITRINE_MODELS is not there';
    log(
      'app',
      'warn',
      `No model serves, and the service is not ready: ${why}; correct VITRINE_MODELS, or set VITRINE_MODEL_CONTROL to explicit to load models by request`,
      { event_type: 'no_models' },
    );
  }

  #namesToLoad(): string[] {
    return this.#config.loadModels
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
  }

  #shelfOf(name: string): Shelf {
    let shelf = this.#shelves.get(name);
    if (!shelf) {
      const { breakerFailuresMax: failuresMax, breakerOpenMs: openMs } = this.#config;
      shelf = new Shelf(name, new Breaker({ failuresMax, openMs }));
      this.#shelves.set(name, shelf);
    }
    return shelf;
  }
}

function manifestOf(config: unknown): ManifestFile {
  return parseManifest(isTritonConfig(config) ? fromTritonConfig(config) : config, 'the configuration given');
}

function folderUnreadable(name: string, problem: string): ServiceError {
  return new ServiceError(
    'invalid_model',
    say`Cannot load model ${ours(name)}: ${problem}; make it a readable folder, or take it out of VITRINE_MODELS.`,
  );
}

/** By whichever way the load was asked for. */
function logNotLoaded(name: string, error: unknown): void {
  log('app', 'error', `Model ${name} is not loaded: ${recordedReason(error)}`, {
    event_type: 'model_load',
    model: name,
    status: 'error',
    [attribute.errorType]: error instanceof ServiceError ? error.code : 'internal',
  });
}
