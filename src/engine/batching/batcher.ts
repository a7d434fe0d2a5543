import { type Clock, machineClock, type Timer } from '../../clock.ts';
import type { ServiceError } from '../../errors.ts';
import type { Breaker } from '../../resilience/breaker.ts';
import { ChurnList } from '../../v8/churn-list.ts';
import type { CheckedInputs } from '../check-inputs.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { Asker, BatchFacts, GpuMeter, InferRequest } from '../inference.ts';
import { callerGone, laneCrashed, lengthsDoNotMatch, notRun, notSent, rowsDoNotMatch } from '../inference-failures.ts';
import type { RunResult } from '../lanes/lane.ts';
import type { RunEnd } from '../lanes/lane-messages.ts';
import type { LanePool, PooledLane, ShortRuns } from '../lanes/lane-pool.ts';
import { Owned } from '../owned.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { Statistics } from '../statistics.ts';
import type { Tensor } from '../tensor.ts';
import { Admission } from './admission.ts';
import { shareOut } from './answer-batch.ts';
import { ApartRuns } from './apart-runs.ts';
import { assembleBatch } from './assemble-batch.ts';
import { type BatchEnd, batchFacts } from './batch-facts.ts';
import { type PaddedBatch, paddedBatch } from './padding.ts';
import type { RunningBatch } from './running-batch.ts';
import { SweepTimer } from './sweep-timer.ts';
import { type Batch, type Waiting, WaitingInputs } from './waiting-inputs.ts';
import { Witness } from './witness.ts';

const sweepMsMax = 1000;
const noCallers: Batch = { entries: [], rows: 0, closedBy: 'alone', runsApart: false };

/**
 * Between requests and lanes: requests that come while the lanes are busy share the next batch.
 * Nothing waits for company while a lane is idle, unless the manifest asks. A request costs no
 * timer of its own: deadlines, callers who left and runs that do not end are found by one sweep.
 */
export class Batcher {
  readonly #manifest: Manifest;
  readonly #lanes: LanePool;
  readonly #shortcut: ShortRuns | undefined;
  readonly #breaker: Breaker;
  readonly #statistics: Statistics;
  readonly #observer: EngineObserver;
  readonly #gpu: GpuMeter | undefined;
  readonly #waiting: WaitingInputs;
  readonly #admission: Admission;
  readonly #witness: Witness;
  readonly #apart: ApartRuns;
  readonly #running = new ChurnList<RunningBatch>();
  readonly #clock: Clock;
  readonly #sweepTimer: SweepTimer;
  readonly #flushTurn = () => {
    this.#flushIsSet = false;
    this.#flush();
  };
  #batches = 0;
  #flushIsSet = false;
  #flushTimer: Timer | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(parts: {
    manifest: Manifest;
    lanes: LanePool;
    /** For small batches; absent where the model has none. */
    shortcut: ShortRuns | undefined;
    breaker: Breaker;
    statistics: Statistics;
    observer: EngineObserver;
    gpu: GpuMeter | undefined;
    /** Inputs that the model has run before; absent where there are none. */
    probe: (() => readonly Tensor[]) | undefined;
    /** Left out: the time of the machine. */
    clock?: Clock;
  }) {
    this.#clock = parts.clock ?? machineClock;
    this.#sweepTimer = new SweepTimer(() => this.#sweep(), this.#clock);
    this.#manifest = parts.manifest;
    this.#lanes = parts.lanes;
    this.#shortcut = parts.shortcut;
    this.#breaker = parts.breaker;
    this.#statistics = parts.statistics;
    this.#observer = parts.observer;
    this.#gpu = parts.gpu;
    const { rows_max: rowsMax, bytes_max: bytesMax, delay_us_max: delayUs } = parts.manifest.batching;
    const { padding } = parts.manifest;
    this.#waiting = new WaitingInputs({ rowsMax, bytesMax, delayMs: Math.ceil(delayUs / 1000), padding });
    this.#admission = new Admission({ ...parts, waiting: this.#waiting });
    this.#witness = new Witness({ ...parts, clock: this.#clock });
    this.#apart = new ApartRuns(parts.lanes.report, parts.shortcut);
    this.#lanes.onFree = () => this.#flush();
  }

  get depth(): { readonly waiting: number; readonly waitingBytes: number; readonly running: number } {
    return { waiting: this.#waiting.count, waitingBytes: this.#waiting.bytes, running: this.#running.size };
  }

  /** How long a request that comes now will wait, going by the last batches. */
  get predictedWaitMs(): number {
    return this.#admission.predictedWaitMs(this.#running.size);
  }

  /**
   * Throws queue_full or deadline_exceeded at once; else the asker hears the answer, or why there
   * is none.
   */
  submit(request: InferRequest, checked: CheckedInputs, owned: Owned | undefined, asker: Asker): void {
    const now = this.#clock.now();
    const { follower } = request;
    follower?.arrived(
      now,
      this.#waiting.count,
      this.#waiting.bytes,
      this.#running.size,
      this.predictedWaitMs,
      checked.rows,
      checked.bytes,
    );
    if (request.deadlineAt <= now) {
      this.#statistics.fail.count += 1;
      throw this.#admission.expired(0);
    }
    if (this.#admission.isFull(checked.bytes)) {
      this.#sweep();
      if (this.#admission.isFull(checked.bytes)) throw this.#admission.refused(this.#running.size);
    }
    this.#waiting.add({
      inputs: checked.inputs,
      outputs: request.outputs,
      rows: checked.rows,
      bytes: checked.bytes,
      shapeKey: checked.shapeKey,
      order: this.#admission.orderOf(request.priority, now),
      enqueuedAt: now,
      deadlineAt: request.deadlineAt,
      signal: request.signal,
      owned,
      isRepeatable: this.#manifest.retry_safe,
      tenant: request.tenant,
      by: request.by,
      follower,
      asker,
      alone: checked.alone,
      isolated: false,
      retried: false,
      settled: false,
    });
    this.#sweepTimer.by(Math.min(request.deadlineAt, now + sweepMsMax));
    this.#flushSoon();
  }

  /**
   * Resolves when all who wait or run have their answer, at the latest by their deadlines. Nobody
   * may come any more.
   */
  async drain(): Promise<void> {
    if (this.#hasCallers()) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    this.#sweepTimer.clear();
    this.#clock.clear(this.#flushTimer);
  }

  /** Once a turn of the event loop, so that all requests read in this turn are there. */
  #flushSoon(): void {
    if (this.#flushIsSet) return;
    this.#flushIsSet = true;
    this.#clock.soon(this.#flushTurn);
  }

  #flush(): void {
    while (this.#waiting.count > 0) {
      const lane = this.#lanes.take();
      if (!lane) return;
      const batch = this.#nextBatch(lane);
      if (!batch) {
        this.#lanes.giveBack(lane);
        return;
      }
      this.#run(lane, batch);
    }
  }

  #nextBatch(lane: PooledLane): Batch | undefined {
    const now = this.#clock.now();
    for (;;) {
      const batch = this.#waiting.take(now, this.#apart.countMax(lane, this.#waiting.count, this.#lanes.idleCount));
      if (typeof batch === 'number') {
        this.#flushTimer ??= this.#clock.after(Math.ceil(batch - now), () => {
          this.#flushTimer = undefined;
          this.#flush();
        });
        return undefined;
      }
      if (!batch) return undefined;
      const entries = batch.entries.filter((entry) => !this.#isOver(entry, now));
      if (entries.length === batch.entries.length) return batch;
      if (entries.length > 0) return { ...batch, entries, rows: entries.reduce((sum, { rows }) => sum + rows, 0) };
    }
  }

  #run(lane: PooledLane, batch: Batch): void {
    const startedAt = this.#clock.now();
    const { entries, runsApart } = batch;
    const { padding } = this.#manifest;
    const padded = padding === undefined || runsApart ? undefined : paddedBatch(padding, entries);
    // How long a padded run takes is known for no size.
    const shortcut = padded === undefined && this.#shortcut?.fits(batch) ? this.#shortcut : undefined;
    try {
      const { runs, transfer, isJoined } = assembleBatch(batch, shortcut ? 'event-loop' : lane.kind, padded);
      const running = this.#begin(lane, batch, startedAt, shortcut !== undefined, padded);
      const done = (result: RunResult) => this.#finished(running, result);
      if (shortcut) {
        if (isJoined) running.joined = Owned.of(runs[0]!.inputs);
        shortcut.run(runs, done);
      } else {
        lane.run(runs, transfer, done);
        // A thread has its own now, and what is not joined is not run again, unless it is
        // repeatable.
        if (lane.kind === 'thread' && !isJoined)
          for (const { owned, isRepeatable } of entries) if (!isRepeatable) owned?.release();
      }
      this.#running.add(running);
      for (let place = 0; place < runs.length; place += 1) this.#gpu?.began(lane.report.provider, running.sentAt);
    } catch (cause) {
      // No memory for the batch, or a buffer that somebody else has transferred: theirs to hear,
      // not the process's end.
      this.#lanes.giveBack(lane);
      const isOne = entries.length === 1 || !runsApart;
      for (const entry of entries) {
        if (isOne) this.#settle(entry, notSent(this.#manifest.name, cause as Error));
        else this.#waitAgain(entry, { isolated: true });
      }
      if (!isOne) this.#flushSoon();
    }
  }

  #begin(
    lane: PooledLane,
    batch: Batch,
    startedAt: number,
    tookShortcut: boolean,
    padded: PaddedBatch | undefined,
  ): RunningBatch {
    const id = this.#batches + 1;
    this.#batches += batch.runsApart ? batch.entries.length : 1;
    const sentAt = this.#clock.now();
    return { index: 0, id, lane, tookShortcut, batch, padded, startedAt, sentAt, joined: undefined };
  }

  /** The lane goes on with the next batch before the answers of this one are made. */
  #finished(running: RunningBatch, result: RunResult): void {
    const { batch, lane } = running;
    const doneAt = this.#clock.now();
    this.#running.remove(running);
    running.joined?.release();
    const isByItself = batch.runsApart || batch.entries.length === 1;
    const hasOwnFailure = isByItself && result.kind === 'done' && result.ends.some(({ kind }) => kind === 'failed');
    if (!hasOwnFailure || !this.#askWitness(lane, doneAt)) this.#giveBack(lane);
    if (result.kind === 'ended') {
      this.#endRuns(running, { kind: 'lost' }, doneAt);
      this.#breaker.failed();
      this.#crashed(running, result.how);
    } else this.#ranOrFailed(running, result.ends, doneAt);
    this.#logIfEmpty();
  }

  #ranOrFailed(running: RunningBatch, ends: readonly RunEnd[], doneAt: number): void {
    const { batch, sentAt } = running;
    let hasRun = false;
    for (let place = 0; place < ends.length; place += 1) {
      const end = ends[place]!;
      const members = batch.runsApart ? [batch.entries[place]!] : batch.entries;
      const facts = this.#endRun(running, place, members, end, doneAt);
      if (end.kind === 'failed') {
        this.#failed(members, facts.lane, end.reason);
        continue;
      }
      if (!hasRun) this.#breaker.succeeded();
      hasRun = true;
      if (batch.runsApart) this.#apart.took(end.sessionMs);
      this.#answer(running, members, end.outputs, facts);
    }
    if (hasRun) this.#admission.batchTook(doneAt - sentAt, batch.entries.length);
  }

  #askWitness(lane: PooledLane, now: number): boolean {
    const running: RunningBatch = {
      index: 0,
      id: 0,
      lane,
      tookShortcut: false,
      batch: noCallers,
      padded: undefined,
      startedAt: now,
      sentAt: now,
      joined: undefined,
    };
    const isAsked = this.#witness.run(lane, now, () => {
      this.#running.remove(running);
      this.#giveBack(lane);
    });
    if (!isAsked) return false;
    this.#running.add(running);
    this.#sweepTimer.by(now + sweepMsMax);
    return true;
  }

  #giveBack(lane: PooledLane): void {
    this.#lanes.giveBack(lane);
    this.#flush();
  }

  /** All runs of a message ended in the same way, none of them by itself. */
  #endRuns(running: RunningBatch, end: BatchEnd, endedAt: number): void {
    const { entries, runsApart } = running.batch;
    if (!runsApart) this.#endRun(running, 0, entries, end, endedAt);
    else entries.forEach((entry, place) => void this.#endRun(running, place, [entry], end, endedAt));
  }

  /** Those who follow its members hear of a batch before its answers go out, however it ended. */
  #endRun(
    running: RunningBatch,
    place: number,
    members: readonly Waiting[],
    end: BatchEnd,
    endedAt: number,
  ): BatchFacts {
    const facts = batchFacts(this.#manifest, running, place, members, end, endedAt, this.#gpu);
    if (end.kind === 'ran' && running.padded === undefined)
      this.#shortcut?.took(members, facts.rows, end.sessionMs, facts.tookShortcut);
    for (const { follower } of members) follower?.batchEnded(facts);
    this.#observer.batchEnded(facts, members);
    return facts;
  }

  #answer(
    { batch, padded, startedAt, sentAt }: RunningBatch,
    members: readonly Waiting[],
    outputs: readonly Tensor[],
    facts: BatchFacts,
  ): void {
    const assembleMs = sentAt - startedAt;
    const runMs = facts.endedAt - sentAt;
    const splitFrom = this.#clock.now();
    const parts = shareOut(outputs, facts.outputBytes, members, facts.rows, padded);
    let queueMs = 0;
    for (const entry of members) {
      if (!entry.settled) queueMs += startedAt - entry.enqueuedAt;
      entry.owned?.release();
    }
    const outputMs = this.#clock.now() - splitFrom;
    for (let index = 0; index < members.length; index += 1) {
      const entry = members[index]!;
      const part = parts[index];
      if (entry.settled) continue;
      if (!part) {
        const { name } = this.#manifest;
        this.#settle(entry, padded ? lengthsDoNotMatch(name, padded) : rowsDoNotMatch(name, facts.rows));
        continue;
      }
      entry.settled = true;
      const now = this.#clock.now();
      const { enqueuedAt } = entry;
      this.#statistics.success.count += 1;
      this.#statistics.success.ms += now - enqueuedAt;
      const stages = {
        enqueuedAt,
        queueMs: startedAt - enqueuedAt,
        assembleMs,
        runMs,
        splitMs: now - facts.endedAt,
        answeredAt: now,
      };
      entry.asker.answered({ outputs: part.outputs, stages, batch: facts, owned: part.owned });
    }
    this.#statistics.batchRan({
      requests: members.length,
      rows: facts.rows,
      closedBy: batch.closedBy,
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
  #failed(members: readonly Waiting[], lane: string, reason: string): void {
    if (members.length > 1) {
      for (const entry of members) if (!entry.settled) this.#waitAgain(entry);
      this.#flushSoon();
      return;
    }
    const [entry] = members;
    if (!entry || entry.settled) return;
    this.#settle(entry, notRun(this.#manifest.name, lane, reason));
  }

  #crashed({ batch, lane }: RunningBatch, how: string): void {
    for (const entry of batch.entries) {
      if (entry.settled) continue;
      if (this.#manifest.retry_safe && !entry.retried) {
        entry.retried = true;
        this.#observer.requestRetried(this.#manifest.name);
        this.#waitAgain(entry, { isolated: true });
      } else {
        this.#settle(entry, laneCrashed(this.#manifest.name, lane.name, how, entry.retried));
      }
    }
    this.#flushSoon();
  }

  #waitAgain(entry: Waiting, { isolated = false } = {}): void {
    entry.alone = true;
    entry.isolated ||= isolated;
    this.#waiting.add(entry);
  }

  /**
   * Answers those whose deadline has passed, drops those whose caller has gone, gives up runs that
   * nobody waits for.
   */
  #sweep(): void {
    this.#sweepTimer.clear();
    const now = this.#clock.now();
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
    if (this.#waiting.count > 0 || this.#running.size > 0) this.#sweepTimer.by(Math.min(next, now + sweepMsMax));
  }

  #giveUp(running: RunningBatch): void {
    this.#running.remove(running);
    this.#breaker.failed();
    this.#lanes.giveUp(running.lane);
    this.#endRuns(running, { kind: 'given_up' }, this.#clock.now());
  }

  /** Settles it if its time is over or its caller gone; true when it is settled, now or before. */
  #isOver(entry: Waiting, now: number, running?: RunningBatch): boolean {
    if (entry.settled) return true;
    if (entry.deadlineAt <= now) {
      if (running) entry.follower?.expiredInRun(running.startedAt);
      this.#settle(entry, this.#admission.expired(now - entry.enqueuedAt));
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
    this.#statistics.fail.ms += this.#clock.now() - entry.enqueuedAt;
    entry.asker.failed(error);
    this.#logIfEmpty();
  }

  #hasCallers(): boolean {
    if (this.#waiting.count > 0) return true;
    for (const { batch } of this.#running) if (batch.entries.some(({ settled }) => !settled)) return true;
    return false;
  }

  #logIfEmpty(): void {
    if (this.#whenEmpty && !this.#hasCallers()) this.#whenEmpty();
  }
}
