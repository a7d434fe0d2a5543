import { availableParallelism } from 'node:os';
import { ServiceError } from '../errors.ts';
import { Breaker } from '../resilience/breaker.ts';
import { ours, say } from '../sentence.ts';
import { log } from '../telemetry/logger.ts';
import { Batcher } from './batching/batcher.ts';
import { joinAnswers, splitRows } from './batching/split-rows.ts';
import { type CheckedInputs, checkInputs } from './check-inputs.ts';
import type { EngineObserver } from './engine-observer.ts';
import type { Asker, InferAnswer, InferRequest } from './inference.ts';
import type { AbandonedLanes } from './lanes/abandoned-lanes.ts';
import { freeTensors } from './lanes/free-tensors.ts';
import type { SessionReport, SessionRequest } from './lanes/lane-messages.ts';
import { Lanes } from './lanes/lanes.ts';
import { Shortcut } from './lanes/shortcut.ts';
import { makeProbe } from './make-probe.ts';
import { completeManifest } from './registry/complete-manifest.ts';
import type { Manifest, ManifestFile } from './registry/manifest.ts';
import { readOnnx } from './registry/read-onnx.ts';
import { type SizeLimits, shapeBounds } from './registry/shape-bounds.ts';
import { Statistics } from './statistics.ts';

export type { InferAnswer, InferRequest } from './inference.ts';

type Parts = {
  readonly file: string;
  readonly manifest: Manifest;
  readonly lanes: Lanes;
  readonly shortcut: Shortcut | undefined;
  readonly breaker: Breaker;
  readonly observer: EngineObserver;
};

type State =
  | { readonly kind: 'serving' }
  /** A reload: those who still hold this one are passed on. */
  | { readonly kind: 'replaced'; readonly by: LoadedModel }
  | { readonly kind: 'closed' };

/** One version of one model, ready to run. */
export class LoadedModel {
  readonly manifest: Manifest;
  readonly report: SessionReport;
  readonly statistics = new Statistics();
  /** What its sessions may use of the machine. */
  readonly threads: ThreadSettings;
  readonly #lanes: Lanes;
  readonly #shortcut: Shortcut | undefined;
  readonly #breaker: Breaker;
  readonly #batcher: Batcher;
  readonly #file: string;
  #state: State = { kind: 'serving' };

  private constructor({ file, manifest, lanes, shortcut, breaker, observer }: Parts) {
    this.#file = file;
    this.report = lanes.report;
    this.manifest = manifest;
    this.threads = threadsOf(manifest);
    this.#lanes = lanes;
    this.#shortcut = shortcut;
    this.#breaker = breaker;
    this.#batcher = new Batcher({
      manifest,
      lanes,
      shortcut,
      breaker,
      statistics: this.statistics,
      observer,
      // Only what has run once can be a witness.
      probe: hasRunItsProbe(manifest, lanes.report) ? () => makeProbe(manifest, 1) : undefined,
    });
  }

  /** Reads the file, opens the lanes, proves provider and batching on a probe, warms up. Throws invalid_model or lane_crashed. */
  static async load(options: LoadOptions): Promise<LoadedModel> {
    const { file, given, abandoned } = options;
    const declared = completeManifest(given, await readOnnx(file), options);
    const { name } = declared;
    const { kind, count } = declared.lanes;
    const request = sessionRequest(declared, file);
    const { loadMsMax: openMsMax, laneMemoryBytesMax: memoryBytesMax } = options;
    const lanes = await Lanes.open({ model: name, kind, count, openMsMax, memoryBytesMax, request, abandoned });
    const manifest = withProvenBatching(declared, lanes.report, options.sizeLimits);
    tellWhatIsNotAsWanted(manifest, declared, lanes.report);
    const { shortcutMsMax, observer } = options;
    const shortcut = await Shortcut.open(manifest, request, lanes.report, shortcutMsMax).catch((error: Error) =>
      tellNoShortcut(manifest, error),
    );
    return new LoadedModel({ file, manifest, lanes, shortcut, breaker: new Breaker(options.breaker), observer });
  }

  get name(): string {
    return this.manifest.name;
  }

  get version(): string {
    return this.manifest.version;
  }

  /** To open another session as this model's are, on the provider that they found. */
  get session(): SessionRequest {
    const { provider } = this.report;
    return { ...sessionRequest(this.manifest, this.#file), providers: [provider], otherProbe: undefined };
  }

  /** What is not as it should be, though the model serves; '' when all is well. */
  get warning(): string {
    const { refused, warmUpFailure } = this.report;
    return [
      ...refused.map(({ provider, reason }) => `${provider} is not used: ${reason}`),
      ...(warmUpFailure === undefined ? [] : [`the warm-up failed: ${warmUpFailure}`]),
      ...(this.#lanes.failure === undefined ? [] : [`a lane cannot be opened again: ${this.#lanes.failure}`]),
    ].join('; ');
  }

  get breakerState(): Breaker['state'] {
    return this.#breaker.state;
  }

  /** Whether its small batches run on the event loop. */
  get hasShortcut(): boolean {
    return this.#shortcut !== undefined;
  }

  get laneStates(): Lanes['states'] {
    return this.#lanes.states;
  }

  get laneProcessIds(): number[] {
    return this.#lanes.processIds;
  }

  get queue(): Batcher['depth'] & { readonly predictedWaitMs: number } {
    return { ...this.#batcher.depth, predictedWaitMs: this.#batcher.predictedWaitMs };
  }

  /** A whole inference: is it served, are the inputs right, is the model left alone, then in a batch through a lane. */
  infer(request: InferRequest): Promise<InferAnswer> {
    return new Promise((resolve, reject) => this.submit(request, { answered: resolve, failed: reject }));
  }

  /** The same for who has no use for a promise. What can be refused at once is thrown. */
  submit(request: InferRequest, asker: Asker): void {
    if (this.#state.kind === 'replaced') {
      this.#state.by.submit(request, asker);
      return;
    }
    if (this.#state.kind === 'closed') throw this.#unloaded();
    this.statistics.lastInferenceAt = Date.now();
    const checked = checkInputs(this.manifest, request.inputs, request.outputs, request.boundsItself);
    const openForMs = this.#breaker.admit();
    if (openForMs > 0) throw this.#leftAlone(openForMs);
    const { rows_max: rowsMax } = this.manifest.batching;
    if (rowsMax === 0 || checked.rows <= rowsMax) this.#batcher.submit(request, checked, asker);
    else this.#inParts(request, splitRows(checked, rowsMax), asker).catch((error: Error) => asker.failed(error));
  }

  async #inParts(request: InferRequest, parts: readonly CheckedInputs[], asker: Asker): Promise<void> {
    // The parts are views of the same buffers: none may be taken.
    const whole = { ...request, mayTakeBuffers: false };
    const answers = parts.map(
      (part) =>
        new Promise<InferAnswer>((resolve, reject) =>
          this.#batcher.submit(whole, part, { answered: resolve, failed: reject }),
        ),
    );
    const all = await Promise.all(answers);
    if (request.mayTakeBuffers) freeTensors(request.inputs);
    asker.answered(joinAnswers(this.name, parts, all));
  }

  /** Those who come from now on are passed on to `next`, those who are in here get their answer, then it lets go. */
  async replaceBy(next: LoadedModel): Promise<void> {
    this.#state = { kind: 'replaced', by: next };
    await this.#letGo();
  }

  /** Takes nobody any more, answers those who are in here, then lets go. */
  async close(): Promise<void> {
    if (this.#state.kind === 'serving') this.#state = { kind: 'closed' };
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    await this.#batcher.drain();
    await this.#lanes.close();
    await this.#shortcut?.close();
  }

  #unloaded(): ServiceError {
    return new ServiceError(
      'model_not_ready',
      say`Cannot run model ${ours(this.name)} version ${ours(this.version)}: it has been unloaded; load it again.`,
    );
  }

  #leftAlone(openForMs: number): ServiceError {
    return new ServiceError(
      'circuit_open',
      say`Cannot run model ${ours(this.name)}: it failed too often in a row, on its own probe too; it is tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
      { retryAfterMs: Math.ceil(openForMs) },
    );
  }
}

export type LoadOptions = {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly given: ManifestFile;
  readonly abandoned: AbandonedLanes;
  readonly breaker: { readonly failuresMax: number; readonly openMs: number };
  readonly loadMsMax: number;
  /** Of a lane that is a process, during a run; 0: no limit. */
  readonly laneMemoryBytesMax: number;
  /** The longest run on the event loop; 0: none. */
  readonly shortcutMsMax: number;
  readonly observer: EngineObserver;
  readonly sizeLimits: SizeLimits;
};

export type ThreadSettings = {
  readonly lanes: number;
  readonly laneKind: 'thread' | 'process';
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
};

function threadsOf({ session, lanes }: Manifest): ThreadSettings {
  return {
    lanes: lanes.count,
    laneKind: lanes.kind,
    intraOpThreads: session.intra_op_threads || threadsByDefault(lanes.count),
    interOpThreads: session.inter_op_threads,
  };
}

function sessionRequest(manifest: Manifest, file: string): SessionRequest {
  const { session, providers, batching } = manifest;
  const { intraOpThreads, interOpThreads } = threadsOf(manifest);
  return {
    file,
    providers,
    intraOpThreads,
    interOpThreads,
    optimization: session.optimization,
    arena: session.arena,
    memoryPattern: session.memory_pattern,
    extra: session.extra,
    tolerance: manifest.provider_tolerance,
    probe: makeProbe(manifest, 1),
    otherProbe: manifest.batchingFrom === 'derived' && batching.rows_max > 0 ? makeProbe(manifest, 2) : undefined,
    warmUpRuns: manifest.warm_up_runs,
  };
}

/** One core is the event loop's; the lanes of a model share the others. */
function threadsByDefault(lanes: number): number {
  return Math.max(1, Math.floor((availableParallelism() - 1) / lanes));
}

/** Where rows do not agree, the first dimension is a free one like the others. */
function withProvenBatching(manifest: Manifest, { rowsAgree }: SessionReport, sizeLimits: SizeLimits): Manifest {
  if (rowsAgree !== false) return manifest;
  const batching = { ...manifest.batching, rows_max: 0 };
  return { ...manifest, batching, bounds: shapeBounds(manifest.name, manifest, manifest, batching, sizeLimits) };
}

function hasRunItsProbe({ warm_up_runs }: Manifest, { warmUpFailure }: SessionReport): boolean {
  return warm_up_runs > 0 && warmUpFailure === undefined;
}

function tellNoShortcut({ name: model, version }: Manifest, { message }: Error): undefined {
  log(
    'app',
    'warn',
    `All batches of model ${model} go to its lanes: it cannot be opened on the event loop: ${message}`,
    {
      event_type: 'shortcut_refused',
      model,
      version,
    },
  );
}

/** A fall-back is never silent. */
function tellWhatIsNotAsWanted(manifest: Manifest, declared: Manifest, report: SessionReport): void {
  const fields = { model: manifest.name, version: manifest.version };
  for (const { provider, reason } of report.refused) {
    log('app', 'warn', `Model ${manifest.name} does not run on ${provider} but on ${report.provider}: ${reason}`, {
      event_type: 'provider_refused',
      provider,
      ...fields,
    });
  }
  if (manifest.batching.rows_max !== declared.batching.rows_max) {
    log(
      'app',
      'warn',
      `Model ${manifest.name} names its first dimension as a batch, but two rows together do not give what each gives alone: its requests run alone. State batching.rows_max in model.json if that is wrong.`,
      { event_type: 'batching_refused', ...fields },
    );
  }
  if (report.warmUpFailure !== undefined) {
    log(
      'app',
      'warn',
      `The warm-up of model ${manifest.name} failed: ${report.warmUpFailure}. Give the sizes of its free dimensions as probe_dimensions in model.json.`,
      { event_type: 'warm_up_failed', ...fields },
    );
  }
}
