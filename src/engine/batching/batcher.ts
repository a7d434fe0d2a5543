import { performance } from 'node:perf_hooks';
import type { ServiceError } from '../../errors.ts';
import type { Breaker } from '../../resilience/breaker.ts';
import { ChurnList, type InChurnList } from '../../v8/churn-list.ts';
import { releasedBytesMin } from '../../v8/release-buffer.ts';
import type { CheckedInputs } from '../check-inputs.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { Asker, BatchFacts, GpuMeter, InferRequest } from '../inference.ts';
import { callerGone, laneCrashed, notRun, notSent, queueFull, rowsDoNotMatch, tooLate } from '../inference-failures.ts';
import { freeTensors } from '../lanes/free-tensors.ts';
import type { Lane, RunResult } from '../lanes/lane.ts';
import type { Lanes } from '../lanes/lanes.ts';
import { type Shortcut, shortcutName } from '../lanes/shortcut.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { Statistics } from '../statistics.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import { assembleBatch, inOrderOf, rowsOf } from './assemble-batch.ts';
import { type Batch, type Waiting, WaitingInputs } from './waiting-inputs.ts';

type Running = InChurnList & {
  readonly id: number;
  /**
   * Held by it, also when it runs on the shortcut: a model runs as many batches at once as it has
   * lanes.
   */
  readonly lane: Lane;
  readonly tookShortcut: boolean;
  readonly batch: Batch;
  readonly startedAt: number;
  readonly sentAt: number;
};

const sweepMsMax = 1000;
/**
 * After a probe that went well, failures are the callers' for so long: who sends nothing but bad
 * inputs must not keep the lanes busy with probes.
 */
const probeEveryMs = 100;
const noCallers: Batch = { entries: [], rows: 0, closedBy: 'alone' };

/**
 * Between requests and lanes: whoever comes while the lanes are busy shares the next batch. Nothing
 * waits for company while a lane is idle, unless the manifest asks. A request costs no timer of its
 * own: deadlines, callers who left and runs that do not end are found by one sweep, set for the
 * earliest of them.
 */
export class Batcher {
  readonly #manifest: Manifest;
  readonly #lanes: Lanes;
  readonly #shortcut: Shortcut | undefined;
  readonly #breaker: Breaker;
  readonly #statistics: Statistics;
  readonly #observer: EngineObserver;
  readonly #gpu: GpuMeter | undefined;
  readonly #waiting: WaitingInputs;
  readonly #running = new ChurnList<Running>();
  #batches = 0;
  #flushIsSet = false;
  #flushTimer: NodeJS.Timeout | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;
  /** Moving averages over batches, for the predicted wait. */
  #batchMs = 0;
  #batchInputs = 1;
  #whenEmpty: (() => void) | undefined;
  readonly #probe: (() => readonly Tensor[]) | undefined;
  #probeAgainAt = 0;

  constructor(parts: {
    manifest: Manifest;
    lanes: Lanes;
    /** For small batches; absent where the model has none. */
    shortcut: Shortcut | undefined;
    breaker: Breaker;
    statistics: Statistics;
    observer: EngineObserver;
    gpu: GpuMeter | undefined;
    /** Inputs that the model has run before; absent where there are none. */
    probe: (() => readonly Tensor[]) | undefined;
  }) {
    this.#manifest = parts.manifest;
    this.#lanes = parts.lanes;
    this.#shortcut = parts.shortcut;
    this.#breaker = parts.breaker;
    this.#statistics = parts.statistics;
    this.#observer = parts.observer;
    this.#gpu = parts.gpu;
    this.#probe = parts.probe;
    const { rows_max: rowsMax, bytes_max: bytesMax, delay_us_max: delayUs } = parts.manifest.batching;
    this.#waiting = new WaitingInputs({ rowsMax, bytesMax, delayMs: Math.ceil(delayUs / 1000) });
    this.#lanes.onFree = () => this.#flush();
  }

  get depth(): { readonly waiting: number; readonly waitingBytes: number; readonly running: number } {
    return { waiting: this.#waiting.count, waitingBytes: this.#waiting.bytes, running: this.#running.size };
  }

  /** How long one who comes now will wait, going by the last batches. */
  get predictedWaitMs(): number {
    const batchesAhead = this.#waiting.count / Math.max(1, this.#batchInputs) + (this.#running.size > 0 ? 0.5 : 0);
    return (batchesAhead * this.#batchMs) / Math.max(1, this.#lanes.count);
  }

  /**
   * Throws queue_full or deadline_exceeded at once; else the asker hears the answer, or why there is
   * none.
   */
  submit(request: InferRequest, checked: CheckedInputs, asker: Asker): void {
    const now = performance.now();
    const { follower } = request;
    follower?.arrived(now, this.#waiting.count, this.#waiting.bytes, this.#running.size, this.predictedWaitMs);
    if (request.deadlineAt <= now) {
      this.#statistics.fail.count += 1;
      throw this.#expired(0);
    }
    if (this.#isFull(checked.bytes)) {
      this.#sweep();
      if (this.#isFull(checked.bytes)) throw this.#refused();
    }
    this.#waiting.add({
      inputs: checked.inputs,
      outputs: request.outputs,
      rows: checked.rows,
      bytes: checked.bytes,
      shapeKey: checked.shapeKey,
      order: now + this.#levelOf(request.priority) * this.#manifest.queue.ageing_ms,
      enqueuedAt: now,
      deadlineAt: request.deadlineAt,
      signal: request.signal,
      // A run that may be repeated needs its inputs twice.
      mayTakeBuffers: request.mayTakeBuffers === true && !this.#manifest.retry_safe,
      mayFreeBuffers: request.mayTakeBuffers === true,
      tenant: request.tenant,
      follower,
      asker,
      alone: false,
      retried: false,
      settled: false,
    });
    this.#sweepBy(Math.min(request.deadlineAt, now + sweepMsMax));
    this.#flushSoon();
  }

  /**
   * Resolves when all who wait or run have their answer, at the latest by their deadlines. Nobody may
   * come any more.
   */
  async drain(): Promise<void> {
    if (this.#hasCallers()) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    clearTimeout(this.#sweepTimer);
    clearTimeout(this.#flushTimer);
  }

  /** Once a turn of the event loop, so that all requests read in this turn are there. */
  #flushSoon(): void {
    if (this.#flushIsSet) return;
    this.#flushIsSet = true;
    setImmediate(() => {
      this.#flushIsSet = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.count > 0) {
      const lane = this.#lanes.take();
      if (!lane) return;
      const batch = this.#nextBatch();
      if (!batch) {
        this.#lanes.giveBack(lane);
        return;
      }
      this.#run(lane, batch);
    }
  }

  #nextBatch(): Batch | undefined {
    const now = performance.now();
    for (;;) {
      const batch = this.#waiting.take(now);
      if (typeof batch === 'number') {
        this.#flushTimer ??= setTimeout(
          () => {
            this.#flushTimer = undefined;
            this.#flush();
          },
          Math.ceil(batch - now),
        );
        return undefined;
      }
      if (!batch) return undefined;
      const entries = batch.entries.filter((entry) => !this.#isOver(entry, now));
      if (entries.length === batch.entries.length) return batch;
      if (entries.length > 0) return { ...batch, entries, rows: entries.reduce((sum, { rows }) => sum + rows, 0) };
    }
  }

  #run(lane: Lane, batch: Batch): void {
    const startedAt = performance.now();
    const { entries, rows } = batch;
    const shortcut = this.#shortcut?.fits(rows, entries.length) ? this.#shortcut : undefined;
    try {
      const { inputs, outputs, transfer } = assembleBatch(entries, rows, shortcut ? 'event-loop' : lane.kind);
      this.#batches += 1;
      const tookShortcut = shortcut !== undefined;
      const running: Running = {
        index: 0,
        id: this.#batches,
        lane,
        tookShortcut,
        batch,
        startedAt,
        sentAt: performance.now(),
      };
      const done = (result: RunResult) => this.#finished(running, result);
      if (shortcut) shortcut.run(inputs, outputs, transfer.length > 0, done);
      else lane.run(inputs, outputs, transfer, done);
      this.#running.add(running);
      this.#gpu?.began(lane.report.provider, running.sentAt);
    } catch (cause) {
      // No memory for the batch, or a buffer that somebody else gave away: theirs to hear, not the
      // process's end.
      this.#lanes.giveBack(lane);
      for (const entry of entries) this.#settle(entry, notSent(this.#manifest.name, cause as Error));
    }
  }

  /** The lane goes on with the next batch before the answers of this one are made. */
  #finished(running: Running, result: RunResult): void {
    const doneAt = performance.now();
    this.#running.remove(running);
    const isItsOwnFailure = result.kind === 'failed' && running.batch.entries.length === 1;
    if (!isItsOwnFailure || !this.#runProbe(running.lane, doneAt)) this.#giveBack(running.lane);
    const facts = this.#tellEnded(running, result, doneAt);
    switch (result.kind) {
      case 'ran':
        this.#breaker.succeeded();
        this.#answer(running, result.outputs, facts);
        break;
      case 'failed':
        this.#failed(running, facts.lane, result.reason);
        break;
      case 'ended':
        this.#breaker.failed();
        this.#crashed(running, result.how);
    }
    this.#tellIfEmpty();
  }

  /**
   * Whose fault is a failure, the input's or the model's? The model's own probe says it: only when
   * that fails too does the breaker count one, so that nobody can close a model to others by what
   * they send. False: it is not asked now.
   */
  #runProbe(lane: Lane, now: number): boolean {
    const inputs = now >= this.#probeAgainAt && this.#probe?.();
    if (!inputs) return false;
    const running: Running = {
      index: 0,
      id: 0,
      lane,
      tookShortcut: false,
      batch: noCallers,
      startedAt: now,
      sentAt: now,
    };
    lane.run(inputs, undefined, [], (result) => this.#probed(running, result));
    this.#running.add(running);
    this.#sweepBy(now + sweepMsMax);
    return true;
  }

  #probed(running: Running, result: RunResult): void {
    this.#running.remove(running);
    if (result.kind === 'ran') {
      this.#breaker.succeeded();
      this.#probeAgainAt = performance.now() + probeEveryMs;
    } else {
      this.#breaker.failed();
      if (result.kind === 'ended') this.#statistics.lanes.crashed += 1;
    }
    this.#giveBack(running.lane);
  }

  #giveBack(lane: Lane): void {
    this.#lanes.giveBack(lane);
    this.#flush();
  }

  /** Those who follow its members hear of a batch before its answers go out, however it ended. */
  #tellEnded(
    { id, batch, lane, tookShortcut, startedAt }: Running,
    result: RunResult | undefined,
    endedAt: number,
  ): BatchFacts {
    const { entries, rows, closedBy } = batch;
    const { name: model, version, batching } = this.#manifest;
    const { provider } = lane.report;
    const facts: BatchFacts = {
      id,
      model,
      version,
      inputs: entries.length,
      rows,
      rowsMax: batching.rows_max,
      closedBy,
      lane: tookShortcut ? shortcutName : lane.name,
      tookShortcut,
      provider,
      sessionMs: result?.kind === 'ran' ? result.sessionMs : 0,
      cpuMs: result === undefined || result.kind === 'ended' ? 0 : result.cpuMs,
      gpu: this.#gpu?.ended(provider, startedAt, endedAt),
      outputBytes: result?.kind === 'ran' ? bytesOfAll(result.outputs) : 0,
      startedAt,
      endedAt,
      outcome: result === undefined ? 'given_up' : result.kind === 'ended' ? 'lane_lost' : result.kind,
    };
    if (facts.outcome === 'ran') this.#shortcut?.took(rows, facts.sessionMs);
    for (const { follower } of entries) follower?.batchEnded(facts);
    this.#observer.batchEnded(facts, entries);
    return facts;
  }

  #answer(running: Running, outputs: readonly Tensor[], facts: BatchFacts): void {
    const { batch, startedAt, sentAt } = running;
    const { entries, rows, closedBy } = batch;
    const assembleMs = sentAt - startedAt;
    const runMs = facts.endedAt - sentAt;
    const splitFrom = performance.now();
    let queueMs = 0;
    let firstRow = 0;
    const own: (readonly Tensor[] | undefined)[] = [];
    for (const entry of entries) {
      own.push(entries.length === 1 ? inOrderOf(entry.outputs, outputs) : rowsOf(outputs, entry, firstRow, rows));
      firstRow += entry.rows;
      if (!entry.settled) queueMs += startedAt - entry.enqueuedAt;
      if (entry.mayFreeBuffers) freeTensors(entry.inputs);
    }
    const outputMs = performance.now() - splitFrom;
    const letGo = facts.outputBytes < releasedBytesMin ? undefined : lettingGo(outputs, entries);
    for (let index = 0; index < entries.length; index += 1) {
      const entry = entries[index]!;
      const answer = own[index];
      if (entry.settled) continue;
      if (!answer) {
        this.#settle(entry, rowsDoNotMatch(this.#manifest.name, rows));
        continue;
      }
      entry.settled = true;
      const now = performance.now();
      this.#statistics.success.count += 1;
      this.#statistics.success.ms += now - entry.enqueuedAt;
      const { enqueuedAt } = entry;
      const stages = {
        enqueuedAt,
        queueMs: startedAt - enqueuedAt,
        assembleMs,
        runMs,
        splitMs: now - facts.endedAt,
        answeredAt: now,
      };
      entry.asker.answered({ outputs: answer, stages, batch: facts, letGo });
    }
    this.#batchMs = this.#batchMs === 0 ? runMs : this.#batchMs * 0.9 + runMs * 0.1;
    this.#batchInputs = this.#batchInputs * 0.9 + entries.length * 0.1;
    this.#statistics.batchRan({
      requests: entries.length,
      rows,
      closedBy,
      queueMs,
      inputMs: assembleMs,
      inferMs: runMs,
      outputMs,
    });
  }

  /**
   * One bad row must not cost its neighbours: each is run again by itself, and only the bad one
   * fails.
   */
  #failed({ batch }: Running, lane: string, reason: string): void {
    const { entries } = batch;
    if (entries.length > 1) {
      for (const entry of entries) if (!entry.settled) this.#waitAgain(entry);
      this.#flushSoon();
      return;
    }
    const [entry] = entries;
    if (!entry || entry.settled) return;
    this.#settle(entry, notRun(this.#manifest.name, lane, reason));
  }

  #crashed({ batch, lane }: Running, how: string): void {
    for (const entry of batch.entries) {
      if (entry.settled) continue;
      if (this.#manifest.retry_safe && !entry.retried) {
        entry.retried = true;
        this.#observer.requestRetried(this.#manifest.name);
        this.#waitAgain(entry);
      } else {
        this.#settle(entry, laneCrashed(this.#manifest.name, lane.name, how, entry.retried));
      }
    }
    this.#flushSoon();
  }

  #waitAgain(entry: Waiting): void {
    entry.alone = true;
    this.#waiting.add(entry);
  }

  #sweepBy(at: number): void {
    if (at >= this.#sweepAt) return;
    this.#sweepAt = at;
    clearTimeout(this.#sweepTimer);
    this.#sweepTimer = setTimeout(() => this.#sweep(), Math.max(1, Math.ceil(at - performance.now())));
  }

  /**
   * Answers those whose deadline has passed, drops those whose caller has gone, gives up runs that
   * nobody waits for.
   */
  #sweep(): void {
    clearTimeout(this.#sweepTimer);
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    this.#waiting.remove((entry) => this.#isOver(entry, now));
    let next = this.#waiting.earliestDeadline();
    for (const running of this.#running) {
      let isWaitedFor = false;
      for (const entry of running.batch.entries) {
        if (this.#isOver(entry, now, running)) continue;
        isWaitedFor = true;
        next = Math.min(next, entry.deadlineAt);
      }
      if (isWaitedFor) continue;
      const stuckAt = running.startedAt + this.#manifest.lanes.stuck_after_ms;
      // What runs on this thread cannot be stuck when this is asked.
      if (now < stuckAt || running.tookShortcut) next = Math.min(next, stuckAt);
      else this.#giveUp(running);
    }
    if (this.#waiting.count > 0 || this.#running.size > 0) this.#sweepBy(Math.min(next, now + sweepMsMax));
  }

  #giveUp(running: Running): void {
    this.#running.remove(running);
    this.#breaker.failed();
    this.#lanes.giveUp(running.lane);
    this.#tellEnded(running, undefined, performance.now());
  }

  /** Settles it if its time is over or its caller gone; true when it is settled, now or before. */
  #isOver(entry: Waiting, now: number, running?: Running): boolean {
    if (entry.settled) return true;
    if (entry.deadlineAt <= now) {
      if (running) entry.follower?.expiredInRun(running.startedAt);
      this.#settle(entry, this.#expired(now - entry.enqueuedAt));
      return true;
    }
    if (!entry.signal.aborted) return false;
    this.#observer.requestDropped(this.#manifest.name, 'gone');
    this.#settle(entry, callerGone(this.#manifest.name));
    return true;
  }

  #settle(entry: Waiting, error: ServiceError): void {
    entry.settled = true;
    this.#statistics.fail.count += 1;
    this.#statistics.fail.ms += performance.now() - entry.enqueuedAt;
    entry.asker.failed(error);
    this.#tellIfEmpty();
  }

  #isFull(bytes: number): boolean {
    const { inputs_max: inputsMax, bytes_max: bytesMax } = this.#manifest.queue;
    // A request above the limit by itself still gets in when nobody waits: it could never run
    // otherwise.
    return this.#waiting.count >= inputsMax || (this.#waiting.count > 0 && this.#waiting.bytes + bytes > bytesMax);
  }

  #refused(): ServiceError {
    this.#observer.requestDropped(this.#manifest.name, 'refused');
    this.#statistics.fail.count += 1;
    return queueFull(this.#manifest.name, this.#waiting, this.predictedWaitMs);
  }

  #expired(waitedMs: number): ServiceError {
    this.#observer.requestDropped(this.#manifest.name, 'expired');
    return tooLate(this.#manifest.name, waitedMs);
  }

  #levelOf(priority: number): number {
    const { priority_levels: levels, priority_default: fallback } = this.#manifest.queue;
    return priority === 0 ? Math.min(fallback, levels) : Math.min(Math.max(1, priority), levels);
  }

  #hasCallers(): boolean {
    if (this.#waiting.count > 0) return true;
    for (const { batch } of this.#running) if (batch.entries.some(({ settled }) => !settled)) return true;
    return false;
  }

  #tellIfEmpty(): void {
    if (this.#whenEmpty && !this.#hasCallers()) this.#whenEmpty();
  }
}

/** Frees the outputs when everyone who gets an answer has let go of it. */
function lettingGo(outputs: readonly Tensor[], entries: readonly Waiting[]): () => void {
  let holders = 0;
  for (const { settled } of entries) if (!settled) holders += 1;
  return () => {
    holders -= 1;
    if (holders === 0) freeTensors(outputs);
  };
}
