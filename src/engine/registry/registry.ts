import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { recordedReason, ServiceError } from '../../errors.ts';
import { Breaker } from '../../resilience/breaker.ts';
import { retry } from '../../resilience/retry.ts';
import { Turnstile } from '../../resilience/turnstile.ts';
import { ours, say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import { inSpan } from '../../telemetry/spans.ts';
import { type EngineObserver, unobserved } from '../engine-observer.ts';
import { AbandonedLanes } from '../lanes/abandoned-lanes.ts';
import { LoadedModel } from '../model.ts';
import { parseManifest } from './complete-manifest.ts';
import type { ManifestFile } from './manifest.ts';
import { isFolder, type ModelFolder, readManifest, scanModel, scanRepository, versionsServed } from './model-folder.ts';
import { RepositoryWatch } from './repository-watch.ts';
import { type ModelState, modelNotFound, Shelf, type Slot } from './shelf.ts';
import { fromTritonConfig, isTritonConfig } from './triton-config.ts';

export type { ModelState } from './shelf.ts';

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
  | 'modelLoadMsMax'
  | 'laneMemoryBytesMax'
  | 'shortcutUsMax'
  | 'modelsLoadingMax'
  | 'retryAttemptsMax'
  | 'retryWaitMsFirst'
  | 'breakerFailuresMax'
  | 'breakerOpenMs'
  | 'freeElementsMax'
  | 'outputBytesMax'
>;

/** Every model there is, by name and version. A model that cannot be loaded is told with its reason and hurts no other. */
export class Registry implements AsyncDisposable {
  readonly #config: RegistryConfig;
  readonly #observer: EngineObserver;
  readonly #shelves = new Map<string, Shelf>();
  readonly #abandoned = new AbandonedLanes();
  readonly #turnstile: Turnstile;
  readonly #stopping = new AbortController();
  #watch: RepositoryWatch | undefined;

  constructor(config: RegistryConfig, observer: EngineObserver = unobserved) {
    this.#config = config;
    this.#observer = observer;
    this.#turnstile = new Turnstile(config.modelsLoadingMax);
  }

  /**
   * Loads what VITRINE_MODEL_CONTROL says, several at a time. Resolves when all have been tried; what failed is in `models()`
   * and in the log, and is no reason not to start.
   */
  async start(): Promise<void> {
    const { models, modelControl, modelsWatchMs } = this.#config;
    const folders = await scanRepository(models);
    for (const folder of folders) this.#shelfOf(folder.name).note(folder);
    const names = modelControl === 'explicit' ? this.#namesToLoad() : folders.map(({ name }) => name);
    await Promise.all(names.map((name) => this.#loadOrTell(name)));
    await this.#warnIfNoneServes();
    if (modelControl !== 'watch') return;
    this.#watch = new RepositoryWatch(models, modelsWatchMs, folders, {
      appeared: (name) => this.#loadOrTell(name),
      changed: (name) => this.#loadOrTell(name),
      vanished: (name) => this.unload(name),
    });
  }

  /** Whether a start is meant to end with models: without, only where each is to be loaded by request. */
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
    return (this.#shelves.get(name)?.slots ?? [])
      .filter(({ state }) => state === 'ready')
      .map(({ version }) => version)
      .sort((one, other) => Number(BigInt(other) - BigInt(one)));
  }

  /** The version asked for, or the newest that is ready. Throws model_not_found or model_not_ready. */
  find(name: string, version?: string): LoadedModel {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw modelNotFound(name, version);
    return shelf.find(version);
  }

  /**
   * Loads what the version policy names, or anew what is loaded, without a failed request. `config` stands in for model.json,
   * in its words or in Triton's.
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
      await shelf.inTurn(() => this.#turnstile.pass(() => this.#loadGuarded(shelf, folder, given)));
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
      await Promise.all(shelf.slots.map((slot) => this.#unloadSlot(shelf, slot, 'unloaded')));
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
        shelf.inTurn(async () => {
          await Promise.all(shelf.slots.map((slot) => this.#unloadSlot(shelf, slot, 'the service stops')));
        }),
      ),
    );
    await this.#abandoned.allEnded();
  }

  async #loadOrTell(name: string): Promise<void> {
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
      for (const slot of shelf.slots) this.#failed(slot, error);
      throw error;
    }
    const wanted = versionsServed(manifest.versions, folder.versions);
    if (wanted.length === 0) {
      throw new ServiceError(
        'invalid_model',
        say`Cannot load model ${ours(shelf.name)}: its version policy names none of its versions (${ours(folder.versions.join(', '))}); change versions in model.json.`,
      );
    }
    const outcomes = await Promise.allSettled(wanted.map((version) => this.#loadVersion(shelf, version, manifest)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    // The old ones stay while a new one cannot be had: a broken version must not leave the model with none.
    if (failed) throw failed.reason;
    const obsolete = shelf.slots.filter(({ version, model }) => model && !wanted.includes(version));
    await Promise.all(obsolete.map((slot) => this.#unloadSlot(shelf, slot, 'not served under the version policy')));
  }

  async #loadVersion(shelf: Shelf, version: string, given: ManifestFile): Promise<void> {
    const slot = shelf.slot(version);
    const before = slot.model;
    if (!before) slot.state = 'loading';
    slot.reason = before ? 'being loaded anew' : 'being loaded';
    try {
      const model = await this.#openInSpan(shelf.name, version, given);
      shelf.put(slot, model);
      tellReady(model);
      await before?.replaceBy(model);
    } catch (error) {
      this.#failed(slot, error);
      throw error;
    }
  }

  async #openInSpan(name: string, version: string, given: ManifestFile): Promise<LoadedModel> {
    const { models, breakerFailuresMax, breakerOpenMs, modelLoadMsMax, laneMemoryBytesMax, shortcutUsMax } =
      this.#config;
    const startedAt = performance.now();
    const tell = (result: string) =>
      this.#observer.modelLoaded({ model: name, version, startedAt, endedAt: performance.now(), result });
    const attributes = { 'inference.model.name': name, 'inference.model.version': version };
    return inSpan('modelLoad', { attributes }, async (span) => {
      try {
        const model = await LoadedModel.load({
          name,
          version,
          file: join(models, name, version, 'model.onnx'),
          given,
          abandoned: this.#abandoned,
          breaker: { failuresMax: breakerFailuresMax, openMs: breakerOpenMs },
          loadMsMax: modelLoadMsMax,
          laneMemoryBytesMax,
          shortcutMsMax: shortcutUsMax / 1000,
          observer: this.#observer,
          sizeLimits: this.#config,
        });
        span.setAttributes({
          'inference.provider': model.report.provider,
          'inference.lanes': model.threads.lanes,
          'inference.shortcut': model.hasShortcut,
          'inference.session.intra_op_threads': model.threads.intraOpThreads,
          'model.load.result': 'ok',
        });
        tell('ok');
        return model;
      } catch (error) {
        const result = error instanceof ServiceError ? error.code : 'internal';
        span.setAttribute('model.load.result', result);
        tell(result);
        throw error;
      }
    });
  }

  /** What is loaded goes on serving when its successor cannot be had. */
  #failed(slot: Slot, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    slot.state = slot.model ? 'ready' : 'unavailable';
    slot.reason = slot.model ? `the version on disk could not be loaded: ${reason}` : reason;
  }

  async #unloadSlot(shelf: Shelf, slot: Slot, reason: string): Promise<void> {
    const model = shelf.takeOut(slot);
    if (!model) return;
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
      shelf = new Shelf(name, new Breaker({ failuresMax, openMs }));
      this.#shelves.set(name, shelf);
    }
    return shelf;
  }
}

function manifestOf(config: unknown): ManifestFile {
  return parseManifest(isTritonConfig(config) ? fromTritonConfig(config) : config, 'the configuration given');
}

function tellReady({ name, version, hasShortcut, report: { provider, loadMs } }: LoadedModel): void {
  const where = hasShortcut ? `${provider}, small batches on the event loop` : provider;
  log('app', 'info', `Model ${name} version ${version} is ready on ${where}`, {
    event_type: 'model_load',
    model: name,
    version,
    provider,
    status: 'success',
    duration_ms: Math.round(loadMs),
  });
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
    'error.type': error instanceof ServiceError ? error.code : 'internal',
  });
}

function leftAlone(name: string, openForMs: number): ServiceError {
  return new ServiceError(
    'circuit_open',
    say`Cannot load model ${ours(name)}: it failed too often in a row; it may be tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
    { retryAfterMs: Math.ceil(openForMs) },
  );
}
