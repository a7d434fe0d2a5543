import { ServiceError } from '../errors.ts';
import type { Breaker } from '../resilience/breaker.ts';
import { ours, type Sentence, say } from '../sentence.ts';
import { Batcher } from './batching/batcher.ts';
import { joinAnswers, splitRows } from './batching/split-rows.ts';
import { AnswerCache } from './cache/answer-cache.ts';
import { type CheckedInputs, checkInputs } from './check-inputs.ts';
import { type EngineObserver, observedBy } from './engine-observer.ts';
import type { Asker, GpuMeter, InferAnswer, InferRequest } from './inference.ts';
import type { SessionReport, SessionRequest } from './lanes/lane-messages.ts';
import type { Lanes } from './lanes/lanes.ts';
import type { Shortcut } from './lanes/shortcut.ts';
import { makeProbe } from './make-probe.ts';
import { ownedOf, tensorsOf } from './owned.ts';
import type { Manifest } from './registry/manifest.ts';
import { keepsNoState } from './sequences/model-state.ts';
import type { SequenceBudgets } from './sequences/sequence-budgets.ts';
import { Sequences } from './sequences/sequences.ts';
import { sessionRequest, type ThreadSettings, threadsOf } from './session-request.ts';
import { Statistics } from './statistics.ts';

export type { InferAnswer, InferRequest } from './inference.ts';

/** Who takes the requests of one that is replaced. */
export type Successor = { submit(request: InferRequest, asker: Asker): void };

type State =
  | { readonly kind: 'serving' }
  /** A reload: those who still hold this one are passed on. */
  | { readonly kind: 'replaced'; readonly by: Successor }
  | { readonly kind: 'closed' };

/** One version of what is served under a name: asked, replaced by its successor, or closed. */
export abstract class Served {
  readonly manifest: Manifest;
  readonly statistics = new Statistics();
  #state: State = { kind: 'serving' };

  constructor(manifest: Manifest) {
    this.manifest = manifest;
  }

  get name(): string {
    return this.manifest.name;
  }

  get version(): string {
    return this.manifest.version;
  }

  /** As in a sentence: `model perceptron`. */
  protected abstract get title(): Sentence;

  /** May throw what the asker is to hear. */
  protected abstract take(request: InferRequest, asker: Asker): void;

  /** Answers those who are in here, then lets go. */
  protected abstract drain(): Promise<void>;

  /** A whole inference: is it served, are the inputs right, then what it is made for. */
  infer(request: InferRequest): Promise<InferAnswer> {
    return new Promise((resolve, reject) => this.submit(request, { answered: resolve, failed: reject }));
  }

  /**
   * The same without a promise. The asker hears also of what is refused at once; nothing is thrown.
   */
  submit(request: InferRequest, asker: Asker): void {
    try {
      if (this.#state.kind === 'replaced') {
        this.#state.by.submit(request, asker);
        return;
      }
      if (this.#state.kind === 'closed') throw this.#unloaded();
      this.statistics.lastInferenceAt = Date.now();
      this.take(request, asker);
    } catch (error) {
      asker.failed(error as Error);
    }
  }

  /** Those who come from now on are passed on to `next`. */
  async replaceBy(next: Successor): Promise<void> {
    this.#state = { kind: 'replaced', by: next };
    await this.drain();
  }

  /** Takes nobody any more. */
  async close(): Promise<void> {
    if (this.#state.kind === 'serving') this.#state = { kind: 'closed' };
    await this.drain();
  }

  #unloaded(): ServiceError {
    return new ServiceError(
      'model_not_ready',
      say`Cannot run ${this.title} version ${ours(this.version)}: it has been unloaded; load it again.`,
    );
  }
}

export type ModelParts = {
  readonly file: string;
  readonly manifest: Manifest;
  readonly lanes: Lanes;
  readonly shortcut: Shortcut | undefined;
  readonly breaker: Breaker;
  readonly observer: EngineObserver;
  readonly gpu: GpuMeter | undefined;
  readonly sequenceBudgets: SequenceBudgets;
};

/** One version of one model, ready to run. */
export class LoadedModel extends Served {
  /** Its graph. */
  readonly file: string;
  readonly report: SessionReport;
  /** What its sessions may use of the machine. */
  readonly threads: ThreadSettings;
  readonly #lanes: Lanes;
  readonly #shortcut: Shortcut | undefined;
  readonly #breaker: Breaker;
  readonly #batcher: Batcher;
  /** Of a model that remembers its answers. */
  readonly #cache: AnswerCache | undefined;
  /** Of a model with a state. */
  readonly #sequences: Sequences | undefined;

  constructor({ file, manifest, lanes, shortcut, breaker, observer: given, gpu, sequenceBudgets }: ModelParts) {
    super(manifest);
    const observer = observedBy(this.statistics, given);
    this.file = file;
    this.report = lanes.report;
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
      gpu,
      // Only what has run once can be a witness.
      probe: hasRunItsProbe(manifest, lanes.report) ? () => makeProbe(manifest, 1) : undefined,
    });
    const common = { manifest, statistics: this.statistics, observer };
    const { cache, state } = manifest;
    this.#cache = cache && new AnswerCache({ ...common, terms: cache, run: (...of) => this.#run(...of) });
    this.#sequences =
      state &&
      new Sequences({
        ...common,
        terms: state,
        budgets: sequenceBudgets,
        run: (request, asker) => this.#run(request, this.#checked(request), asker),
      });
  }

  protected override get title(): Sentence {
    return say`model ${ours(this.name)}`;
  }

  /** To open another session as this model's are, on the provider that they found. */
  get session(): SessionRequest {
    const { provider } = this.report;
    return { ...sessionRequest(this.manifest, this.file), providers: [provider], rowTrial: undefined };
  }

  /** What is wrong although the model serves; '' when nothing is. */
  get warning(): string {
    const { refused, warmUpFailure } = this.report;
    return [
      ...refused.map(({ provider, reason }) => `${provider} is not used: ${reason}`),
      ...(warmUpFailure === undefined ? [] : [`the warm-up failed: ${warmUpFailure}`]),
      ...(this.#isPaddingRefused ? [`batching.padding is not followed: ${this.manifest.paddingBecause}`] : []),
      ...(this.#lanes.failure === undefined ? [] : [`a lane cannot be opened again: ${this.#lanes.failure}`]),
    ].join('; ');
  }

  get #isPaddingRefused(): boolean {
    const { batching, padding } = this.manifest;
    return batching.padding !== undefined && padding === undefined;
  }

  get breakerState(): Breaker['state'] {
    return this.#breaker.state;
  }

  /** Whether its small batches run on the event loop. */
  get hasShortcut(): boolean {
    return this.#shortcut !== undefined;
  }

  /** What it remembers of answers; undefined where it does not. */
  get cache(): Pick<AnswerCache, 'count' | 'bytes'> | undefined {
    return this.#cache;
  }

  /** Those that are open; undefined where it has no state. */
  get sequences(): Pick<Sequences, 'count' | 'bytes'> | undefined {
    return this.#sequences;
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

  /** Is the model left alone, then in a batch through a lane. */
  protected override take(request: InferRequest, asker: Asker): void {
    if (request.sequence !== undefined) {
      if (this.#sequences === undefined) throw keepsNoState(this.name);
      this.#sequences.submit(request, asker);
      return;
    }
    const checked = this.#checked(request);
    if (this.#cache !== undefined && request.mustRun !== true) this.#cache.submit(request, checked, asker);
    else this.#run(request, checked, asker);
  }

  #checked(request: InferRequest): CheckedInputs {
    return checkInputs(this.manifest, tensorsOf(request.inputs), request.outputs, request.boundsItself);
  }

  #run(request: InferRequest, checked: CheckedInputs, asker: Asker): void {
    const openForMs = this.#breaker.admit();
    if (openForMs > 0) throw this.#breakerOpen(openForMs);
    const { rows_max: rowsMax } = this.manifest.batching;
    if (checked.rows <= rowsMax || this.manifest.rowsBeyondMax !== 'split')
      this.#batcher.submit(request, checked, ownedOf(request.inputs), asker);
    else this.#inParts(request, splitRows(checked, rowsMax), asker).catch((error: Error) => asker.failed(error));
  }

  async #inParts(request: InferRequest, parts: readonly CheckedInputs[], asker: Asker): Promise<void> {
    const answers = parts.map(
      (part) =>
        new Promise<InferAnswer>((resolve, reject) =>
          // The parts are views of the same buffers: none may be taken.
          this.#batcher.submit(request, part, undefined, { answered: resolve, failed: reject }),
        ),
    );
    const all = await Promise.all(answers);
    ownedOf(request.inputs)?.release();
    asker.answered(joinAnswers(this.name, parts, all));
  }

  protected override async drain(): Promise<void> {
    await this.#batcher.drain();
    this.#cache?.close();
    this.#sequences?.close();
    await this.#lanes.close();
    await this.#shortcut?.close();
  }

  #breakerOpen(openForMs: number): ServiceError {
    return new ServiceError(
      'circuit_open',
      say`Cannot run model ${ours(this.name)}: it failed too often in a row, on its own probe too; it is tried again in ${Math.ceil(openForMs / 1000)} s (VITRINE_BREAKER_OPEN_MS).`,
      { retryAfterMs: Math.ceil(openForMs) },
    );
  }
}

function hasRunItsProbe({ warm_up_runs }: Manifest, { warmUpFailure }: SessionReport): boolean {
  return warm_up_runs > 0 && warmUpFailure === undefined;
}
