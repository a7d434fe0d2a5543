import { join } from 'node:path';
import type { Attributes } from '@opentelemetry/api';
import { ServiceError } from '../../errors.ts';
import { retry } from '../../resilience/retry.ts';
import { ours, say } from '../../sentence.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { inSpan } from '../../telemetry/spans.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { GpuMeter } from '../inference.ts';
import type { AbandonedLanes } from '../lanes/abandoned-lanes.ts';
import { openModel } from '../open-model.ts';
import { KnownPipelines } from '../pipelines/known-pipelines.ts';
import { openPipeline } from '../pipelines/open-pipeline.ts';
import { Pipeline } from '../pipelines/pipeline.ts';
import type { RunnableModel } from '../pipelines/runnable-model.ts';
import { StepThread } from '../pipelines/step-thread.ts';
import { makeSequenceBudgets, type SequenceBudgets } from '../sequences/sequence-budgets.ts';
import { isPipelineFile, type ManifestFile, type PipelineFile } from './manifest-schema.ts';
import { type ModelFolder, readManifest, versionsServed } from './model-folder.ts';
import { notServed, OpenedVersions, serve } from './opened-versions.ts';
import type { RegistryConfig } from './registry-config.ts';
import { RowProofs } from './row-proofs.ts';
import type { Shelf, Slot } from './shelf.ts';
import { unloadSlot } from './unload-slot.ts';

/** What is to be loaded. */
export type Wish = {
  /** In place of model.json. */
  readonly given: ManifestFile | PipelineFile | undefined;
  /** In place of what the version policy names. */
  readonly only: readonly string[] | undefined;
};

/** The models that are served; `peek` answers undefined where `find` throws. */
export type FindModel = {
  find(model: string, version: string | undefined): RunnableModel;
  peek(model: string, version: string | undefined): RunnableModel | undefined;
};

/** What becomes of a version that is open. */
type Opened = (slot: Slot, model: RunnableModel) => Promise<void>;

/**
 * Loads the versions of a model that its policy names, behind the model's breaker, with retries.
 */
export class VersionLoader {
  readonly #config: RegistryConfig;
  readonly #observer: EngineObserver;
  readonly #gpu: GpuMeter | undefined;
  readonly #abandoned: AbandonedLanes;
  readonly #rowProofs: RowProofs;
  /** All models share them. */
  readonly sequenceBudgets: SequenceBudgets;
  readonly pipelines = new KnownPipelines();
  readonly #stepThread = new StepThread();
  readonly #find: FindModel;
  readonly #stopping: AbortSignal;

  constructor(
    config: RegistryConfig,
    observer: EngineObserver,
    gpu: GpuMeter | undefined,
    abandoned: AbandonedLanes,
    stopping: AbortSignal,
    find: FindModel,
  ) {
    this.#find = find;
    this.#config = config;
    this.#observer = observer;
    this.#gpu = gpu;
    this.#abandoned = abandoned;
    this.#rowProofs = new RowProofs(config.data);
    this.sequenceBudgets = makeSequenceBudgets(config);
    this.#stopping = stopping;
  }

  /** Serves each version as soon as it is open. */
  async load(shelf: Shelf, folder: ModelFolder, wish: Wish): Promise<void> {
    const obsolete = await this.#load(shelf, folder, wish, (slot, model) => serve(shelf, slot, model));
    await Promise.all(obsolete.map((slot) => unloadSlot(shelf, slot, notServed)));
  }

  /** Wires a pipeline as its models are now. It opens nothing, so that no breaker guards it. */
  async rewire(shelf: Shelf, folder: ModelFolder, wish: Wish): Promise<void> {
    if (this.#stopping.aborted) return;
    await this.#loadVersions(shelf, folder, wish, (slot, model) => serve(shelf, slot, model));
  }

  /** Opens them all, and serves none before it is said. */
  async prepare(shelf: Shelf, folder: ModelFolder, wish: Wish): Promise<OpenedVersions> {
    const opened = new OpenedVersions(shelf);
    try {
      opened.obsolete = await this.#load(shelf, folder, wish, async (slot, model) => opened.add(slot, model));
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Answers the versions that are no longer to be served. */
  async #load(shelf: Shelf, folder: ModelFolder, wish: Wish, opened: Opened): Promise<Slot[]> {
    const signal = this.#stopping;
    if (signal.aborted) return [];
    const openForMs = shelf.breaker.admit();
    if (openForMs > 0) throw breakerOpen(shelf.name, openForMs);
    try {
      const obsolete = await retry(() => this.#loadVersions(shelf, folder, wish, opened), {
        attemptsMax: this.#config.retryAttemptsMax,
        waitMsFirst: this.#config.retryWaitMsFirst,
        // A file that cannot be used is no better a second later.
        worthIt: (error) => !(error instanceof ServiceError) || (error.retryable && error.code !== 'model_not_ready'),
        signal,
      });
      shelf.breaker.succeeded();
      return obsolete ?? [];
    } catch (error) {
      // A pipeline whose models are not there yet has not failed.
      if (error instanceof ServiceError && error.code === 'model_not_ready') shelf.breaker.succeeded();
      else shelf.breaker.failed();
      throw error;
    }
  }

  async #loadVersions(shelf: Shelf, folder: ModelFolder, { given, only }: Wish, opened: Opened): Promise<Slot[]> {
    let manifest: ManifestFile | PipelineFile;
    try {
      manifest = given ?? (await readManifest(folder.folder));
      refuseOtherKind(shelf.name, manifest, folder);
    } catch (error) {
      for (const slot of shelf.slots) markFailed(slot, error);
      throw error;
    }
    const wanted = only ?? versionsServed(manifest.versions, folder.versions);
    const before = this.pipelines.find(shelf.name);
    if (isPipelineFile(manifest)) this.pipelines.note(shelf.name, manifest, wanted);
    else this.pipelines.forget(shelf.name);
    if (wanted.length === 0) {
      throw new ServiceError(
        'invalid_model',
        say`Cannot load model ${ours(shelf.name)}: its version policy names none of its versions (${ours(folder.versions.join(', '))}); change versions in model.json.`,
      );
    }
    const outcomes = await Promise.allSettled(
      wanted.map((version) => this.#loadVersion(shelf, folder, version, manifest, opened)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    // The old ones stay while a new one cannot be had: a broken version must not leave the model
    // with none.
    if (failed) {
      if (before && shelf.slots.some(({ model }) => model))
        this.pipelines.note(shelf.name, before.file, before.versions);
      throw failed.reason;
    }
    return shelf.slots.filter(({ version, model }) => model && !wanted.includes(version));
  }

  async #loadVersion(
    shelf: Shelf,
    folder: ModelFolder,
    version: string,
    given: ManifestFile | PipelineFile,
    opened: Opened,
  ): Promise<void> {
    const slot = shelf.slot(version);
    const before = slot.model;
    if (!before) slot.state = 'loading';
    slot.reason = before ? 'being reloaded' : 'being loaded';
    try {
      await opened(slot, await this.#openInSpan(folder, version, given));
    } catch (error) {
      markFailed(slot, error);
      throw error;
    }
  }

  async #openInSpan(folder: ModelFolder, version: string, given: ManifestFile | PipelineFile): Promise<RunnableModel> {
    const { name } = folder;
    const startedAt = performance.now();
    const report = (result: string) =>
      this.#observer.modelLoaded({ model: name, version, startedAt, endedAt: performance.now(), result });
    const attributes = { [attribute.modelName]: name, [attribute.modelVersion]: version };
    return inSpan('modelLoad', { attributes }, async (span) => {
      try {
        const model = isPipelineFile(given)
          ? this.#openPipeline(name, version, given)
          : await this.#openModel(folder, version, given);
        span.setAttributes({ ...loadAttributes(model), [attribute.loadResult]: 'ok' });
        report('ok');
        return model;
      } catch (error) {
        const result = error instanceof ServiceError ? error.code : 'internal';
        span.setAttributes({ [attribute.loadResult]: result });
        report(result);
        throw error;
      }
    });
  }

  #openModel({ name, folder }: ModelFolder, version: string, given: ManifestFile): Promise<RunnableModel> {
    const { breakerFailuresMax, breakerOpenMs, modelLoadMsMax, laneMemoryBytesMax, shortcutUsMax } = this.#config;
    return openModel({
      name,
      version,
      file: join(folder, version, 'model.onnx'),
      given,
      abandoned: this.#abandoned,
      breaker: { failuresMax: breakerFailuresMax, openMs: breakerOpenMs },
      loadMsMax: modelLoadMsMax,
      laneMemoryBytesMax,
      shortcutMsMax: shortcutUsMax / 1000,
      observer: this.#observer,
      gpu: this.#gpu,
      sizeLimits: this.#config,
      rowProofs: this.#rowProofs,
      rowProofMsMax: this.#config.rowProofMsMax,
      sequenceBudgets: this.sequenceBudgets,
    });
  }

  #openPipeline(name: string, version: string, given: PipelineFile): Pipeline {
    this.pipelines.refuseCircle(name);
    return openPipeline({
      name,
      version,
      given,
      find: this.#find.peek,
      mustFind: this.#find.find,
      thread: this.#stepThread,
      observer: this.#observer,
      sizeLimits: this.#config,
    });
  }

  /** Nothing is served any more. */
  close(): void {
    this.#stepThread.close();
  }
}

/** A folder with a model.onnx is a model, one without is a pipeline. */
function refuseOtherKind(name: string, manifest: ManifestFile | PipelineFile, { isPipeline }: ModelFolder): void {
  if (isPipelineFile(manifest) === isPipeline) return;
  throw new ServiceError(
    'invalid_model',
    isPipeline
      ? say`Cannot load model ${ours(name)}: it has no model.onnx, and its configuration has no steps; give it one of the two.`
      : say`Cannot load pipeline ${ours(name)}: it has steps, and a model.onnx beside them; take one of the two out.`,
  );
}

function loadAttributes(model: RunnableModel): Attributes {
  if (model instanceof Pipeline) return { [attribute.pipelineSteps]: model.manifest.steps?.length ?? 0 };
  return {
    [attribute.provider]: model.report.provider,
    [attribute.lanes]: model.threads.lanes,
    [attribute.shortcut]: model.hasShortcut,
    [attribute.intraOpThreads]: model.threads.intraOpThreads,
  };
}

/** What is loaded goes on serving when its successor cannot be had. */
function markFailed(slot: Slot, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  slot.state = slot.model ? 'ready' : 'unavailable';
  slot.reason = slot.model ? `the version on disk could not be loaded: ${reason}` : reason;
}

function breakerOpen(name: string, openForMs: number): ServiceError {
  return new ServiceError(
    'circuit_open',
    say`Cannot load model ${ours(name)}: it failed too often in a row; it may be tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
    { retryAfterMs: Math.ceil(openForMs) },
  );
}
