import { recordedReason, ServiceError } from '../../errors.ts';
import { Breaker } from '../../resilience/breaker.ts';
import { Turnstile } from '../../resilience/turnstile.ts';
import { ours, say } from '../../sentence.ts';
import { log } from '../../telemetry/logger.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { type EngineObserver, unobserved } from '../engine-observer.ts';
import type { GpuMeter } from '../inference.ts';
import { AbandonedLanes } from '../lanes/abandoned-lanes.ts';
import type { RunnableModel } from '../pipelines/runnable-model.ts';
import { ModelRepository } from '../places/model-repository.ts';
import type { SequenceBudgets } from '../sequences/sequence-budgets.ts';
import { parseModelFile } from './complete-manifest.ts';
import type { ManifestFile, PipelineFile } from './manifest-schema.ts';
import type { ModelFolder } from './model-folder.ts';
import { PipelineUpkeep } from './pipeline-upkeep.ts';
import type { RegistryConfig } from './registry-config.ts';
import { RepositoryWatch } from './repository-watch.ts';
import { type ModelState, modelNotFound, Shelf } from './shelf.ts';
import { fromTritonConfig, isTritonConfig } from './triton-config.ts';
import { unloadSlot } from './unload-slot.ts';
import { VersionLoader, type Wish } from './version-loader.ts';

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
  readonly model: RunnableModel | undefined;
};

/** A model as it is served; `config` stands in for its model.json. */
export type ServedModel = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly config: unknown;
  readonly isPipeline: boolean;
};

type LoadOptions = {
  readonly config?: () => unknown;
  /** These versions, in place of what the policy names. */
  readonly only?: readonly string[];
};

/** A load that is ready to be served. */
export type Prepared = { serve(): Promise<void>; close(): Promise<void> };

type StartOptions = {
  /** What other processes serve, in place of what the settings say. */
  readonly served?: readonly ServedModel[] | undefined;
  /** Who is said what has changed in the folder. */
  readonly watch?: { load(name: string): Promise<void>; unload(name: string): Promise<void> } | 'elsewhere';
};

type ToLoad = { readonly shelf: Shelf; readonly folder: ModelFolder; readonly wish: Wish };

/**
 * Every model, by name and version. A model that cannot be loaded is reported with its reason and
 * hurts no other.
 */
export class Registry implements AsyncDisposable {
  /** What may be loaded. */
  readonly repository: ModelRepository;
  readonly #config: RegistryConfig;
  readonly #shelves = new Map<string, Shelf>();
  readonly #abandoned = new AbandonedLanes();
  readonly #turnstile: Turnstile;
  readonly #loader: VersionLoader;
  /** The configurations that stand in for the files of models. */
  readonly #given = new Map<string, unknown>();
  readonly #stopping = new AbortController();
  readonly #upkeep: PipelineUpkeep;
  #watch: RepositoryWatch | undefined;

  constructor(config: RegistryConfig, observer: EngineObserver = unobserved, gpu?: GpuMeter) {
    this.#config = config;
    this.repository = new ModelRepository(config);
    this.#turnstile = new Turnstile(config.modelsLoadingMax);
    this.#loader = new VersionLoader(config, observer, gpu, this.#abandoned, this.#stopping.signal, {
      find: (name, version) => this.find(name, version),
      peek: (name, version) => this.#shelves.get(name)?.peek(version),
    });
    this.#upkeep = new PipelineUpkeep(this.repository, this.#shelves, this.#loader);
  }

  /**
   * Loads what VITRINE_MODEL_CONTROL says, several at a time. Resolves when all have been tried;
   * what failed is in `models()` and in the log, and is no reason not to start.
   */
  async start({ served, watch = this }: StartOptions = {}): Promise<void> {
    const { modelControl, modelsWatchMs } = this.#config;
    await this.repository.open();
    const folders = await this.repository.scan();
    for (const folder of folders) this.#shelfOf(folder.name).note(folder);
    if (served) await this.align(served);
    else {
      const names = modelControl === 'explicit' ? this.#namesToLoad() : folders.map(({ name }) => name);
      const pipelines = await this.#upkeep.inOrder(folders.filter(({ name }) => names.includes(name)));
      await Promise.all(names.filter((name) => !pipelines.includes(name)).map((name) => this.#loadOrLog(name)));
      for (const name of pipelines) await this.#loadOrLog(name);
    }
    await this.#warnIfNoneServes();
    if (watch === 'elsewhere' || this.#stopping.signal.aborted) return;
    const load = (name: string) => this.#orLog(name, () => watch.load(name));
    await this.#followPlaces(load);
    if (modelControl !== 'watch') return;
    this.#watch = new RepositoryWatch(() => this.repository.scan(), modelsWatchMs, folders, {
      appeared: load,
      changed: load,
      vanished: (name) => watch.unload(name),
    });
  }

  async #followPlaces(load: (name: string) => Promise<void>): Promise<void> {
    const { modelControl } = this.#config;
    const wanted = this.#namesToLoad();
    const isUsed = (folder: string) => this.#isUsed(folder);
    await this.repository.clean(isUsed);
    this.repository.follow({
      all: modelControl === 'watch',
      isUsed,
      came: async (names) => {
        // What is watched finds them by itself.
        if (modelControl === 'watch') return;
        const isWanted = (name: string) => modelControl === 'all' || wanted.includes(name);
        await Promise.all(names.filter((name) => isWanted(name) && this.versions(name).length === 0).map(load));
      },
    });
  }

  /** Whether a model of this folder is open: its lanes may read the file again. */
  #isUsed(folder: string): boolean {
    return [...this.#shelves.values()].some(({ slots }) =>
      slots.some(({ model }) => model?.file.startsWith(`${folder}/`)),
    );
  }

  /** What is served, for another process to serve the same. */
  get served(): ServedModel[] {
    const { pipelines } = this.#loader;
    return [...this.#shelves.values()]
      .map(({ name }) => {
        // One that waits for its models is served as soon as they are there.
        const pipeline = pipelines.find(name);
        const versions = pipeline?.versions ?? this.versions(name);
        return { name, versions, config: this.#given.get(name), isPipeline: pipeline !== undefined };
      })
      .filter(({ versions }) => versions.length > 0);
  }

  /** Serves exactly these, as far as they can be loaded. */
  async align(wanted: readonly ServedModel[]): Promise<void> {
    const isWanted = (name: string) => wanted.some((one) => one.name === name);
    const obsolete = this.served.filter(({ name }) => !isWanted(name));
    const missing = wanted.filter(({ name, versions }) => String(this.versions(name)) !== String(versions));
    const load = ({ name, versions, config }: ServedModel) =>
      this.#orLog(name, () =>
        this.load(name, { only: versions, ...(config !== undefined && { config: () => config }) }),
      );
    await Promise.all([
      ...obsolete.map(({ name }) => this.unload(name)),
      ...missing.filter(({ isPipeline }) => !isPipeline).map(load),
    ]);
    for (const pipeline of missing.filter(({ isPipeline }) => isPipeline)) await load(pipeline);
  }

  /**
   * Whether a start is meant to end with models: without, only where each is to be loaded by
   * request.
   */
  get expectsModels(): boolean {
    return this.#config.modelControl !== 'explicit' || this.#namesToLoad().length > 0;
  }

  /** Everything known, loaded or not, or on its way. */
  models(): ModelStatus[] {
    const here = [...this.#shelves.values()].flatMap(({ name, slots }) =>
      slots.map(({ version, state, reason, model }) => ({
        name,
        version,
        state,
        reason: reason || (model?.warning ?? ''),
        model,
      })),
    );
    const elsewhere = this.repository.elsewhere.filter(({ name }) => !this.#shelves.has(name));
    return [
      ...here,
      ...elsewhere.map(({ name, isComing, reason }): ModelStatus => {
        const state = isComing ? 'loading' : 'unavailable';
        return { name, version: '', state, reason, model: undefined };
      }),
    ];
  }

  /** The same after a look at the folder, so that models which were added since are there too. */
  async index(): Promise<ModelStatus[]> {
    for (const folder of await this.repository.scan()) this.#shelfOf(folder.name).note(folder);
    return this.models();
  }

  /** The guard of each model's loading; that of its runs is the loaded model's own. */
  loadBreakers(): Record<string, Breaker['state']> {
    return Object.fromEntries([...this.#shelves.values()].map(({ name, breaker }) => [name, breaker.state]));
  }

  /** How many sequences there are, and what their states take, of all models together. */
  get sequenceBudgets(): SequenceBudgets {
    return this.#loader.sequenceBudgets;
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
  find(name: string, version?: string): RunnableModel {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw modelNotFound(name, version);
    return shelf.find(version);
  }

  /**
   * Loads what the version policy names, or reloads it, without a failed request. `config` stands in
   * for model.json, in its words or in Triton's.
   */
  async load(name: string, options: LoadOptions = {}): Promise<void> {
    await this.#toLoad(name, options, ({ shelf, folder, wish }) =>
      shelf.inTurn(() => this.#turnstile.pass(() => this.#loader.load(shelf, folder, wish))),
    );
    this.#note(name, options);
    await this.#upkeep.changed(name);
  }

  /**
   * The same in two steps: everything is open when this resolves, and served, or closed, when it is
   * said. No other change of the model comes between.
   */
  async prepare(name: string, options: LoadOptions = {}): Promise<Prepared> {
    return await this.#toLoad(name, options, async ({ shelf, folder, wish }) => {
      const prepared = Promise.withResolvers<Prepared>();
      const turn = shelf.inTurn(async () => {
        const opened = await this.#turnstile.pass(() => this.#loader.prepare(shelf, folder, wish));
        const decided = Promise.withResolvers<boolean>();
        const decide = (isServed: boolean) => () => {
          decided.resolve(isServed);
          return turn;
        };
        prepared.resolve({ serve: decide(true), close: decide(false) });
        if (!(await decided.promise)) return await opened.close();
        this.#note(name, options);
        await opened.serve();
        await this.#upkeep.changed(name);
      });
      turn.catch(prepared.reject);
      return await prepared.promise;
    });
  }

  async #toLoad<Done>(name: string, options: LoadOptions, act: (of: ToLoad) => Promise<Done>): Promise<Done> {
    const folder = await this.repository.findNow(name);
    if (!folder) throw modelNotFound(name);
    const config = options.config?.();
    const given = config === undefined ? undefined : manifestOf(config);
    const shelf = this.#shelfOf(name);
    shelf.note(folder);
    try {
      if (folder.problem !== undefined) throw folderUnreadable(name, folder.problem);
      return await act({ shelf, folder, wish: { given, only: options.only } });
    } catch (error) {
      logNotLoaded(name, error);
      // Others may wait for a pipeline that leads back to them.
      if (this.#loader.pipelines.find(name)) await this.#upkeep.changed(name);
      throw error;
    }
  }

  /** What stands in for its model.json from now on. */
  #note(name: string, options: LoadOptions): void {
    const config = options.config?.();
    if (config === undefined) this.#given.delete(name);
    else this.#given.set(name, config);
  }

  /** Throws model_not_found. */
  mustKnow(name: string): void {
    if (!this.#shelves.has(name)) throw modelNotFound(name);
  }

  /** Takes no new request, answers those it has, then lets go. Throws model_not_found. */
  async unload(name: string): Promise<void> {
    const shelf = this.#shelves.get(name);
    if (!shelf) throw modelNotFound(name);
    await shelf.inTurn(async () => {
      this.#loader.pipelines.forget(name);
      await Promise.all(shelf.slots.map((slot) => unloadSlot(shelf, slot, 'unloaded')));
    });
    this.#given.delete(name);
    await this.#upkeep.changed(name);
    if (!(await this.repository.find(name))) this.#shelves.delete(name);
  }

  /**
   * Answers who is inside and lets all models go. A thread that is stuck in a run is waited for,
   * since `process.exit` would hang in it: the caller sets a limit, and ends the process by SIGKILL
   * beyond it.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.repository[Symbol.asyncDispose]();
    await this.#watch?.[Symbol.asyncDispose]();
    const unload = (shelf: Shelf) =>
      shelf.inTurn(async () => {
        await Promise.all(shelf.slots.map((slot) => unloadSlot(shelf, slot, 'the service stops')));
      });
    // Pipelines answer whom they have before the models that they ask are gone.
    for (const shelf of this.#upkeep.outermostFirst()) await unload(shelf);
    await Promise.all([...this.#shelves.values()].map(unload));
    this.#loader.close();
    await this.#abandoned.allEnded();
  }

  #loadOrLog(name: string): Promise<void> {
    return this.#orLog(name, () => this.load(name));
  }

  async #orLog(name: string, load: () => Promise<void>): Promise<void> {
    try {
      await load();
    } catch (error) {
      // Every other failure has its line already.
      if (error instanceof ServiceError && error.code === 'model_not_found') logNotLoaded(name, error);
    }
  }

  async #warnIfNoneServes(): Promise<void> {
    const isThere = await this.repository.isThere();
    if (isThere && (!this.expectsModels || this.models().some(({ state }) => state === 'ready'))) return;
    const why = isThere
      ? 'none of the folder of VITRINE_MODELS could be loaded'
      : this.repository.isFoldersOnly
        ? 'the folder of VITRINE_MODELS is not there'
        : 'no place of VITRINE_MODELS can be used';
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

function manifestOf(config: unknown): ManifestFile | PipelineFile {
  return parseModelFile(isTritonConfig(config) ? fromTritonConfig(config) : config, 'the configuration given');
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
