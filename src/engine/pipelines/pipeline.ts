import { performance } from 'node:perf_hooks';
import { ours, type Sentence, say } from '../../sentence.ts';
import { SweepTimer } from '../batching/sweep-timer.ts';
import { checkInputs } from '../check-inputs.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { Asker, InferRequest } from '../inference.ts';
import { Served } from '../model.ts';
import { tensorsOf } from '../owned.ts';
import type { Manifest } from '../registry/manifest.ts';
import { keepsNoState } from '../sequences/model-state.ts';
import type { PipelinePlan } from './pipeline-plan.ts';
import { PipelineRun, type RunEnd, type RunParts } from './pipeline-run.ts';

const sweepMsMax = 1000;
const sweepMsMin = 20;
const noLanes = { idle: 0, running: 0, opening: 0, abandoned: 0 };

/**
 * One version of a pipeline, as a model is served. It has no lanes and no queue: its steps wait and
 * run in their models, which it looks up at each step, so that it takes up their reloads.
 */
export class Pipeline extends Served {
  readonly threads = undefined;
  /** It has none: its steps are in its manifest. */
  readonly file = '';
  readonly session = undefined;
  readonly cache = undefined;
  readonly sequences = undefined;
  readonly hasShortcut = false;
  readonly warning = '';
  readonly breakerState = 'closed';
  readonly laneStates = noLanes;
  readonly laneProcessIds: number[] = [];
  readonly #parts: RunParts;
  readonly #observer: EngineObserver;
  readonly #runs = new Set<PipelineRun>();
  readonly #sweepTimer = new SweepTimer(() => this.#sweep());
  #whenEmpty: (() => void) | undefined;

  constructor(of: {
    manifest: Manifest;
    plan: PipelinePlan;
    find: RunParts['find'];
    thread: RunParts['thread'];
    observer: EngineObserver;
  }) {
    const { manifest, plan, find, thread, observer } = of;
    super(manifest);
    this.#observer = observer;
    this.#parts = { name: manifest.name, plan, find, thread, bytesMax: manifest.bounds.outputBytesMax };
  }

  protected override get title(): Sentence {
    return say`pipeline ${ours(this.name)}`;
  }

  get queue() {
    return { waiting: 0, waitingBytes: 0, running: this.#runs.size, predictedWaitMs: 0 };
  }

  protected override take(request: InferRequest, asker: Asker): void {
    if (request.sequence !== undefined) throw keepsNoState(this.name);
    const { inputs, bytes } = checkInputs(
      this.manifest,
      tensorsOf(request.inputs),
      request.outputs,
      request.boundsItself,
    );
    const rows = this.manifest.inputs[0]!.shape[0] === -1 ? inputs[0]!.shape[0]! : 1;
    const run = new PipelineRun(this.#parts, request, inputs, (ended, end) => this.#ended(ended, end, rows, asker));
    this.#runs.add(run);
    request.follower?.arrived(run.beganAt, 0, 0, this.#runs.size - 1, 0, rows, bytes);
    this.#sweepTimer.by(Math.min(request.deadlineAt, run.beganAt + sweepMsMax));
    if (!run.dropIfOverdue(run.beganAt)) run.begin();
  }

  #ended(run: PipelineRun, end: RunEnd, rows: number, asker: Asker): void {
    this.#runs.delete(run);
    const tookMs = performance.now() - run.beganAt;
    if (end.kind === 'failed') {
      if (end.why !== undefined) this.#observer.requestDropped(this.name, end.why);
      this.statistics.fail.count += 1;
      this.statistics.fail.ms += tookMs;
      asker.failed(end.error);
    } else {
      const { queueMs, assembleMs, runMs, splitMs } = end.answer.stages;
      this.statistics.success.count += 1;
      this.statistics.success.ms += tookMs;
      this.statistics.batchRan({
        requests: 1,
        rows,
        closedBy: 'alone',
        queueMs,
        inputMs: assembleMs,
        inferMs: runMs,
        outputMs: splitMs,
      });
      asker.answered(end.answer);
    }
    if (this.#runs.size === 0) this.#whenEmpty?.();
  }

  protected override async drain(): Promise<void> {
    if (this.#runs.size > 0)
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    this.#sweepTimer.clear();
  }

  /** Operations and steps that do not look themselves: whose time is over, or whose caller left. */
  #sweep(): void {
    this.#sweepTimer.clear();
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const run of this.#runs)
      if (!run.isAside || !run.dropIfOverdue(now))
        next = Math.min(next, Math.max(now + sweepMsMin, run.request.deadlineAt), now + sweepMsMax);
    if (next < Number.POSITIVE_INFINITY) this.#sweepTimer.by(next);
  }
}
