import { join } from 'node:path';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { Breaker } from '../resilience/breaker.ts';
import { retry } from '../resilience/retry.ts';
import { Turnstile } from '../resilience/turnstile.ts';
import { log } from '../telemetry/logger.ts';
import { AbandonedLanes } from './abandoned-lanes.ts';
import { parseManifest } from './complete-manifest.ts';
import type { ManifestFile } from './manifest.ts';
import { LoadedModel } from './model.ts';
import { type ModelFolder, readManifest, scanModel, scanRepository, versionsServed } from './model-folder.ts';
import { RepositoryWatch } from './repository-watch.ts';
import { fromTritonConfig, isTritonConfig } from './triton-config.ts';

export type ModelState = 'loading' | 'ready' | 'unloading' | 'unavailable';

/** One version of one model in the repository; `reason` says why it is not ready, or what is not well with one that is. */
export type ModelStatus = {
  readonly name: string;
  readonly version: string;
  readonly state: ModelState;
  readonly reason: string;
  readonly model: LoadedModel | undefined;
};

export type RegistryConfig = Pick<
  Config,
  | 'models'
  | 'modelControl'
  | 'loadModels'
  | 'modelsWatchMs'
  | 'modelsLoadingMax'
  | 'retryAttemptsMax'
  | 'retryWaitMsFirst'
  | 'breakerFailuresMax'
  | 'breakerOpenMs'
>;

type Slot = { readonly version: string; state: ModelState; reason: string; model: LoadedModel | undefined };

/** What is known of one model: its versions, and the guard of its loading. One change at a time. */
type Shelf = {
  readonly name: string;
  readonly slots: Map<string, Slot>;
  readonly breaker: Breaker;
  /** The newest version that is ready: who names no version gets it. */
  newest: LoadedModel | undefined;
  change: Promise<void>;
};

/** Every model there is, by name and version. A model that cannot be loaded is told with its reason and hurts no other. */
export class Registry implements AsyncDisposable {
  readonly #config: RegistryConfig;
  readonly #shelves = new Map<string, Shelf>();
  readonly #abandoned = new AbandonedLanes();
  readonly #turnstile: Turnstile;
  readonly #stopping = new AbortController();
  #watch: RepositoryWatch | undefined;

  constructor(config: RegistryConfig) {
    this.#config = config;
    this.#turnstile = new Turnstile(config.modelsLoadingMax);
  }

  /**
   * Loads what VITRINE_MODEL_CONTROL says, several at a time. Resolves when all have been tried; what failed is in `models()`
   * and in the log, and is no reason not to start.
   */
  async start(): Promise<void> {
    const { models, modelControl, modelsWatchMs } = this.#config;
    const folders = await scanRepository(models);
    for (const { name, versions } of folders) this.#note(this.#shelfOf(name), versions);
    const names = modelControl === 'explicit' ? this.#namesToLoad() : folders.map(({ name }) => name);
    await Promise.all(names.map((name) => this.#loadOrTell(name)));
    if (modelControl !== 'watch') return;
    this.#watch = new RepositoryWatch(models, modelsWatchMs, folders, {
      appeared: (name) => this.#loadOrTell(name),
      changed: (name) => this.#loadOrTell(name),
      vanished: (name) => this.unload(name),
    });
  }

  /** Everything known, loaded or not. */
  models(): ModelStatus[] {
    return [...this.#shelves.values()].flatMap(({ name, slots }) =>
      [...slots.values()].map(({ version, state, reason, model }) => ({
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
    for (const { name, versions } of await scanRepository(this.#config.models)) {
      this.#note(this.#shelfOf(name), versions);
    }
    return this.models();
  }

  /** False once the process should be replaced: more threads are stuck than may be abandoned. `/live` goes by it. */
  get healthy(): boolean {
    return this.#abandoned.count <= 1;
  }

  /** Threads left in a run that does not end. */
  get abandonedLanes(): number {
    return this.#abandoned.count;
  }

  /** The versions of a model that are ready, newest first; empty for a model that is not known. */
  versions(name: string): string[] {
    const slots = [...(this.#shelves.get(name)?.slots.values() ?? [])];
    return slots
      .filter(({ state }) => state === 'ready')
      .map(({ version }) => version)
      .sort((one, other) => Number(BigInt(other) - BigInt(one)));
  }

  /** The version asked for, or the newest that is ready. Throws model_not_found or model_not_ready. */
  find(name: string, version?: string): LoadedModel {
    const shelf = this.#shelves.get(name);
    const model = version === undefined ? shelf?.newest : shelf?.slots.get(version)?.model;
    return model ?? this.#absent(shelf, name, version);
  }

  /**
   * Loads what the version policy names, or anew what is loaded, without a failed request. `config` stands in for model.json,
   * in its words or in Triton's.
   */
  async load(name: string, options: { config?: unknown } = {}): Promise<void> {
    const given = options.config === undefined ? undefined : manifestOf(options.config);
    const folder = await scanModel(this.#config.models, name);
    if (!folder) throw notFound(name);
    const shelf = this.#shelfOf(name);
    this.#note(shelf, folder.versions);
    await this.#inTurn(shelf, () => this.#turnstile.pass(() => this.#loadGuarded(shelf, folder, given)));
  }

  /** Takes no new request, answers those it has, then lets go. Throws model_not_found. */
  async unload(name: string): Promise<void> {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw notFound(name);
    await this.#inTurn(shelf, async () => {
      await Promise.all([...shelf.slots.values()].map((slot) => this.#unloadSlot(shelf, slot, 'unloaded')));
    });
    if (!(await scanModel(this.#config.models, name))) this.#shelves.delete(name);
  }

  /**
   * Answers who is inside and lets all models go. A thread that is stuck in a run is waited for, since `process.exit` would hang in
   * it: the caller sets a limit, and ends the process by SIGKILL beyond it.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#watch?.[Symbol.asyncDispose]();
    await Promise.all(
      [...this.#shelves.values()].map((shelf) =>
        this.#inTurn(shelf, async () => {
          await Promise.all(
            [...shelf.slots.values()].map((slot) => this.#unloadSlot(shelf, slot, 'the service stops')),
          );
        }),
      ),
    );
    await this.#abandoned.allEnded();
  }

  async #loadOrTell(name: string): Promise<void> {
    try {
      await this.load(name);
    } catch (error) {
      log('app', 'error', `Model ${name} is not loaded: ${(error as Error).message}`, {
        event_type: 'model_load',
        model: name,
        status: 'error',
        'error.type': error instanceof ServiceError ? error.code : 'internal',
      });
    }
  }

  async #loadGuarded(shelf: Shelf, folder: ModelFolder, given: ManifestFile | undefined): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const openForMs = shelf.breaker.admit();
    if (openForMs > 0) throw leftAlone(shelf.name, openForMs);
    try {
      await retry(() => this.#loadVersions(shelf, folder, given), {
        attemptsMax: this.#config.retryAttemptsMax,
        waitMsFirst: this.#config.retryWaitMsFirst,
        // A file that cannot be used is no better a second later.
        worthIt: (error) => !(error instanceof ServiceError) || error.retryable,
        signal,
      });
      shelf.breaker.succeeded();
    } catch (error) {
      shelf.breaker.failed();
      throw error;
    }
  }

  async #loadVersions(shelf: Shelf, folder: ModelFolder, given: ManifestFile | undefined): Promise<void> {
    let manifest: ManifestFile;
    try {
      manifest = given ?? (await readManifest(this.#config.models, shelf.name));
    } catch (error) {
      for (const slot of shelf.slots.values()) this.#failed(slot, error);
      throw error;
    }
    const wanted = versionsServed(manifest.versions, folder.versions);
    if (wanted.length === 0) {
      throw new ServiceError(
        'invalid_model',
        `Cannot load model ${shelf.name}: its version policy names none of its versions (${folder.versions.join(', ')}); change versions in model.json.`,
      );
    }
    const outcomes = await Promise.allSettled(wanted.map((version) => this.#loadVersion(shelf, version, manifest)));
    const obsolete = [...shelf.slots.values()].filter(({ version, model }) => model && !wanted.includes(version));
    await Promise.all(obsolete.map((slot) => this.#unloadSlot(shelf, slot, 'not served under the version policy')));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #loadVersion(shelf: Shelf, version: string, given: ManifestFile): Promise<void> {
    const slot = slotOf(shelf, version);
    const before = slot.model;
    if (!before) slot.state = 'loading';
    slot.reason = before ? 'being loaded anew' : 'being loaded';
    try {
      const { models, breakerFailuresMax, breakerOpenMs } = this.#config;
      slot.model = await LoadedModel.load({
        name: shelf.name,
        version,
        file: join(models, shelf.name, version, 'model.onnx'),
        given,
        abandoned: this.#abandoned,
        breaker: { failuresMax: breakerFailuresMax, openMs: breakerOpenMs },
      });
    } catch (error) {
      this.#failed(slot, error);
      throw error;
    }
    slot.state = 'ready';
    slot.reason = '';
    setNewest(shelf);
    const { provider, loadMs } = slot.model.report;
    log('app', 'info', `Model ${shelf.name} version ${version} is ready on ${provider}`, {
      event_type: 'model_load',
      model: shelf.name,
      version,
      provider,
      status: 'success',
      duration_ms: Math.round(loadMs),
    });
    await before?.replaceBy(slot.model);
  }

  /** What is loaded goes on serving when its successor cannot be had. */
  #failed(slot: Slot, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    slot.state = slot.model ? 'ready' : 'unavailable';
    slot.reason = slot.model ? `the version on disk could not be loaded: ${reason}` : reason;
  }

  async #unloadSlot(shelf: Shelf, slot: Slot, reason: string): Promise<void> {
    const { model } = slot;
    if (!model) return;
    slot.model = undefined;
    slot.state = 'unloading';
    slot.reason = 'answering what it has taken';
    setNewest(shelf);
    await model.close();
    slot.state = 'unavailable';
    slot.reason = reason;
    log('app', 'info', `Model ${shelf.name} version ${slot.version} is unloaded: ${reason}`, {
      event_type: 'model_unload',
      model: shelf.name,
      version: slot.version,
    });
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
      const breaker = new Breaker({ failuresMax, openMs });
      shelf = { name, slots: new Map(), breaker, newest: undefined, change: Promise.resolve() };
      this.#shelves.set(name, shelf);
    }
    return shelf;
  }

  /** Versions on disk become known; those that are gone from it and not loaded are forgotten. */
  #note(shelf: Shelf, versions: readonly string[]): void {
    for (const version of versions) slotOf(shelf, version);
    for (const [version, { state }] of shelf.slots) {
      if (state === 'unavailable' && !versions.includes(version)) shelf.slots.delete(version);
    }
  }

  #inTurn(shelf: Shelf, act: () => Promise<void>): Promise<void> {
    const done = shelf.change.then(act);
    // The next in turn starts whether this one succeeds or not; who asked for it is told by `done`.
    shelf.change = done.catch(() => undefined);
    return done;
  }

  #absent(shelf: Shelf | undefined, name: string, version: string | undefined): never {
    if (!shelf || (version !== undefined && !shelf.slots.has(version))) throw notFound(name, version);
    const slots = version === undefined ? [...shelf.slots.values()] : [shelf.slots.get(version)!];
    const states = slots.map((slot) => `version ${slot.version} is ${slot.state}: ${slot.reason}`).join('; ');
    throw new ServiceError(
      'model_not_ready',
      `Cannot run model ${name}: ${states}; POST /v2/repository/models/${name}/load loads it.`,
      { retryAfterMs: 1000 },
    );
  }
}

function manifestOf(config: unknown): ManifestFile {
  return parseManifest(isTritonConfig(config) ? fromTritonConfig(config) : config, 'the configuration given');
}

function slotOf(shelf: Shelf, version: string): Slot {
  let slot = shelf.slots.get(version);
  if (!slot) {
    slot = { version, state: 'unavailable', reason: 'not loaded', model: undefined };
    shelf.slots.set(version, slot);
  }
  return slot;
}

function setNewest(shelf: Shelf): void {
  shelf.newest = undefined;
  for (const { model } of shelf.slots.values()) {
    if (model && (!shelf.newest || BigInt(model.version) > BigInt(shelf.newest.version))) shelf.newest = model;
  }
}

function notFound(name: string, version?: string): ServiceError {
  return new ServiceError(
    'model_not_found',
    `Cannot find model ${name.slice(0, 128)}${version === undefined ? '' : ` version ${version.slice(0, 20)}`}: the repository does not have it; POST /v2/repository/index lists what is there (VITRINE_MODELS).`,
  );
}

function leftAlone(name: string, openForMs: number): ServiceError {
  return new ServiceError(
    'circuit_open',
    `Cannot load model ${name}: it failed too often in a row; it may be tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
    { retryAfterMs: Math.ceil(openForMs) },
  );
}
