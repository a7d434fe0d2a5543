// Imported, as each request reads it several times: a global is looked up at every call.
import { performance } from 'node:perf_hooks';
import {
  type BatchFacts,
  type CacheOutcome,
  cacheOutcomes,
  type Follower,
  type StageTimes,
  type StepFacts,
} from '../../engine/inference.ts';
import { stagesOfSteps } from '../../engine/pipelines/step-times.ts';
import { type HeadValue, joinHead } from '../../head-lines.ts';
import type { HeadIds } from '../../telemetry/ids.ts';
import { cacheTexts, serverTiming, taskTiming } from '../server-timing.ts';
import { type Stages, stageNames, type TaskStages, taskStages } from '../stages.ts';
import type { FlightRecord, RequestWords } from './flight-record.ts';
import { columnCount, columnOf, type RequestTable } from './request-table.ts';

const { receive, decode, queue, assemble, run, split, startedAt, tookMs, markedAt, enqueuedAt, ranSince } = columnOf;
const { waiting, waitingBytes, running, predictedWaitMs, status, batch } = columnOf;
const { rows, bytes, bodyBytes, answerBytes, form, lostRuns, lostFrom, lostTo, cache, firstPart } = columnOf;
export const noBatch = -1;

/**
 * One request's row while the request is in flight: a clock that is read at the seams. Each mark
 * books the time since the last one to a stage; what happens between two marks can so be in one
 * stage only, and the sum can never be more than the whole. After the end the row is another's or
 * the flight recorder's: what is still written is dropped, and to read it throws.
 */
export class RequestRow implements Follower {
  readonly ids: HeadIds;
  /** The last batch that it was in. */
  batch: BatchFacts | undefined;
  /** Of a pipeline. */
  steps: readonly StepFacts[] | undefined;
  readonly #table: RequestTable;
  readonly #row: number;
  readonly #generation: number;

  constructor(table: RequestTable) {
    const row = table.claim();
    const { numbers } = table;
    const from = row * columnCount;
    const now = performance.now();
    for (let column = 0; column < columnCount; column += 1) numbers[from + column] = 0;
    numbers[from + startedAt] = now;
    numbers[from + markedAt] = now;
    numbers[from + waiting] = Number.NaN;
    numbers[from + ranSince] = Number.NaN;
    numbers[from + batch] = noBatch;
    this.ids = table.ids.draw(row);
    this.#table = table;
    this.#row = row;
    this.#generation = table.generations[row]!;
  }

  get isOver(): boolean {
    return this.#table.generations[this.#row] !== this.#generation;
  }

  get startedAt(): number {
    return this.#read(startedAt);
  }

  /** When it was last marked. */
  get markedAt(): number {
    return this.#read(markedAt);
  }

  /** From its start until the request had ended, once it is closed. */
  get tookMs(): number {
    return this.#read(tookMs);
  }

  /** 0 until it is decided. */
  get status(): number {
    return this.#read(status);
  }

  set status(value: number) {
    this.#write(status, value);
  }

  get rows(): number {
    return this.#read(rows);
  }

  /** Of its tensors. */
  get bytes(): number {
    return this.#read(bytes);
  }

  get bodyBytes(): number {
    return this.#read(bodyBytes);
  }

  /** Of the answer's body, as it was sent. */
  get answerBytes(): number {
    return this.#read(answerBytes);
  }

  set answerBytes(value: number) {
    this.#write(answerBytes, value);
  }

  /** Bits of `wireForm`. */
  get form(): number {
    return this.#read(form);
  }

  /** Nothing was before it in the engine, and nothing shared its run. */
  get foundIdle(): boolean {
    const { batch: last } = this;
    if (last === undefined || last.outcome !== 'ran' || last.inputs !== 1) return false;
    return this.#read(waiting) === 0 && this.#read(running) === 0 && this.#read(lostRuns) === 0;
  }

  /** A task whose lanes were hardly waited for. */
  get hardlyWaited(): boolean {
    return this.#read(queue) < 0.02 * this.tookMs && this.#read(lostRuns) === 0;
  }

  /** By the number of the stage. */
  stageMs(stage: number): number {
    return this.#read(stage);
  }

  get stages(): Stages {
    this.#read(0);
    return this.#table.stages(this.#row);
  }

  /** What no stage has of the whole. */
  get restMs(): number {
    let rest = this.tookMs;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    for (let stage = 0; stage < stageNames.length; stage += 1) rest -= numbers[from + stage]!;
    return Math.max(0, rest);
  }

  /** The request belongs to a trace of its caller. */
  joinTrace(traceId: HeadValue): HeadIds {
    this.#read(0);
    this.#table.ids.setTraceId(this.#row, traceId);
    return { traceId, spanId: this.ids.spanId };
  }

  /** It began to wait. Of a request that was cut, the first part counts: it found the queue. */
  arrived(
    at: number,
    inputs: number,
    inputBytes: number,
    batches: number,
    waitMs: number,
    ownRows: number,
    ownBytes: number,
  ): void {
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    if (this.isOver || !Number.isNaN(numbers[from + waiting]!)) return;
    numbers[from + enqueuedAt] = at;
    numbers[from + waiting] = inputs;
    numbers[from + waitingBytes] = inputBytes;
    numbers[from + running] = batches;
    numbers[from + predictedWaitMs] = waitMs;
    numbers[from + rows] = ownRows;
    numbers[from + bytes] = ownBytes;
  }

  /** Its body is here, and so it was written: bits of `wireForm`. */
  bodyReceived(ofBytes: number, wire: number): void {
    if (this.isOver) return;
    this.mark('receive');
    const from = this.#row * columnCount;
    this.#table.numbers[from + bodyBytes] = ofBytes;
    this.#table.numbers[from + form] = wire;
  }

  /** It was read or written in a thread, not on the event loop. */
  wasAside(bit: number): void {
    if (!this.isOver) this.#table.numbers[this.#row * columnCount + form]! += bit;
  }

  batchEnded(facts: BatchFacts): void {
    this.batch = facts;
    if (facts.outcome !== 'ran') this.runLost(facts);
  }

  stepsEnded(steps: readonly StepFacts[]): void {
    this.steps = steps;
  }

  /** A run that gave no answer: its lane was lost, or a row of the batch failed. */
  runLost({ startedAt: began, endedAt: ended }: BatchFacts): void {
    if (this.isOver) return;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    numbers[from + lostRuns]! += 1;
    numbers[from + lostFrom] = began;
    numbers[from + lostTo] = ended;
  }

  /** What a task gave the engine, all of its calls together. */
  gaveEngine(ownRows: number, ownBytes: number): void {
    this.#write(rows, ownRows);
    this.#write(bytes, ownBytes);
  }

  lookedUp(outcome: CacheOutcome): void {
    this.#write(cache, cacheOutcomes.indexOf(outcome) + 1);
  }

  /** How it was found among the remembered answers; undefined: its model remembers none. */
  get cacheOutcome(): CacheOutcome | undefined {
    return cacheOutcomes[this.#read(cache) - 1];
  }

  /** The first part of an answer that is sent while it is made. */
  firstPart(): void {
    this.#write(firstPart, performance.now() - this.startedAt);
  }

  /** 0: the answer came whole. */
  get firstPartMs(): number {
    return this.#read(firstPart);
  }

  expiredInRun(beganAt: number): void {
    this.#write(ranSince, beganAt);
  }

  /** Books everything since the last mark. */
  mark(stage: 'receive' | 'decode' | 'run' | 'encode' | 'send'): void {
    if (this.isOver) return;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    const now = performance.now();
    numbers[from + columnOf[stage]]! += now - numbers[from + markedAt]!;
    numbers[from + markedAt] = now;
  }

  /**
   * Books everything since the last mark to the stage that a failure ended; only what is then said
   * about it is sending.
   */
  markFailure({ running: hasRun }: { running: boolean }): void {
    if (this.isOver) return;
    if (hasRun) this.mark('run');
    else if (this.#read(receive) === 0) this.mark('receive');
    else if (this.#read(decode) === 0) this.mark('decode');
  }

  /**
   * Books what the engine measured between the last mark and the answer's turn; what it did not
   * account for stays with the rest. Until a request began to wait it was decoded and its inputs
   * were checked.
   */
  markEngine(stages: StageTimes): void {
    if (this.isOver) return;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    numbers[from + decode]! += Math.max(0, stages.enqueuedAt - numbers[from + markedAt]!);
    numbers[from + queue]! += stages.queueMs;
    numbers[from + assemble]! += stages.assembleMs;
    numbers[from + run]! += stages.runMs;
    numbers[from + split]! += stages.splitMs;
    numbers[from + markedAt] = stages.answeredAt;
  }

  /**
   * Books what a request had of the engine that ended in a failure: until its last batch began it
   * waited, then it ran, for as long as it was waited for.
   */
  markEngineFailed(): void {
    if (this.isOver) return;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    const waitedFrom = numbers[from + enqueuedAt]!;
    // It never got there, or what failed came after it.
    if (Number.isNaN(numbers[from + waiting]!) || numbers[from + markedAt]! > waitedFrom) return;
    const now = performance.now();
    if (this.steps !== undefined) {
      this.markEngine(stagesOfSteps(this.steps, waitedFrom, now));
      return;
    }
    const goesOnSince = numbers[from + ranSince]!;
    const goesOn = !Number.isNaN(goesOnSince);
    const beganAt = goesOn ? goesOnSince : (this.batch?.startedAt ?? now);
    const ranFrom = Math.max(waitedFrom, Math.min(now, beganAt));
    const ranTo = goesOn ? now : Math.min(now, this.batch?.endedAt ?? now);
    numbers[from + decode]! += waitedFrom - numbers[from + markedAt]!;
    numbers[from + run]! += ranTo - ranFrom;
    numbers[from + queue]! += now - waitedFrom - (ranTo - ranFrom);
    numbers[from + markedAt] = now;
  }

  /**
   * Books what a task measured of itself, from the last mark until now; what it did not account for
   * stays with the rest.
   */
  markTask(stages: TaskStages): void {
    if (this.isOver) return;
    const { numbers } = this.#table;
    const from = this.#row * columnCount;
    for (const stage of taskStages) numbers[from + columnOf[stage]]! += stages[stage];
    numbers[from + markedAt] = performance.now();
  }

  /** For the caller; `send` cannot be in it, since it has not happened. */
  serverTiming(): HeadValue {
    this.#read(0);
    const timing = serverTiming(this.#table.numbers, this.#row * columnCount);
    const outcome = this.cacheOutcome;
    return outcome === undefined ? timing : joinHead(timing, cacheTexts[outcome]);
  }

  /** The same for a task. */
  taskTiming(): string {
    return taskTiming(this.stages);
  }

  /** As the flight recorder has it, of a request that is closed. */
  record(words: RequestWords): FlightRecord {
    this.#read(0);
    const { requestId, tenant, method, route, failure, kept, sentence, inputs, model, task, version, threads, waits } =
      words;
    const { tookMs: ms } = this;
    const common = {
      requestId,
      tenant,
      method,
      route,
      failure,
      kept,
      sentence,
      inputs,
      model,
      task,
      version,
      threads,
      waits,
    };
    return {
      ...common,
      ...this.#table.numbersOf(this.#row),
      ids: this.ids,
      tookMs: ms,
      batch: this.batch,
      steps: this.steps,
    };
  }

  /** The request has ended, or did so at `endedAt`. */
  close(endedAt: number | undefined): void {
    this.mark('send');
    this.#write(tookMs, (endedAt ?? this.markedAt) - this.startedAt);
  }

  /** The row goes to the flight recorder, which frees it later. */
  store(batchNumber: number): number {
    this.#write(batch, batchNumber);
    this.#end();
    return this.#row;
  }

  /** Nobody stores it; nothing is done where somebody does. */
  release(): void {
    if (this.isOver) return;
    this.#end();
    this.#table.free(this.#row);
  }

  #end(): void {
    this.#table.generations[this.#row]! += 1;
  }

  #read(column: number): number {
    if (this.isOver) throw new Error('Cannot read the numbers of a request: it has ended, and its row is another’s');
    return this.#table.numbers[this.#row * columnCount + column]!;
  }

  #write(column: number, value: number): void {
    if (!this.isOver) this.#table.numbers[this.#row * columnCount + column] = value;
  }
}
