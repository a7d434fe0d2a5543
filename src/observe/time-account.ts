// Imported wherever each request reads it: as a global it is looked up anew at every call.
import { performance } from 'node:perf_hooks';

import type { Arrival, BatchFacts } from '../engine/inference.ts';

/** Where the time of an inference goes, in this order. What none of them has is the rest, and is measured too. */
export const inferenceStages = ['receive', 'decode', 'queue', 'assemble', 'run', 'split', 'encode', 'send'] as const;
export type InferenceStage = (typeof inferenceStages)[number];

/** A task has two more: the work in its own thread, and the writing of files. */
export const stageNames = [
  'receive',
  'decode',
  'queue',
  'assemble',
  'run',
  'split',
  'work',
  'encode',
  'write',
  'send',
] as const;
export type StageName = (typeof stageNames)[number];

/** After the stages: when it was opened, how long it was, the queue as it was found, when it was last marked, and when the request began to wait. */
const others = [
  'opened',
  'took',
  'waiting',
  'waitingBytes',
  'running',
  'predictedWaitMs',
  'marked',
  'enqueued',
] as const;
const places = [...stageNames, ...others];
const placeOf = Object.fromEntries(places.map((name, place) => [name, place])) as Record<
  (typeof places)[number],
  number
>;
const { receive, decode, queue, assemble, run, split, work, encode, write, send } = placeOf;
const { opened, took, waiting, waitingBytes, running, predictedWaitMs, marked, enqueued } = placeOf;
/** So many of them are worth remembering when it is closed. */
export const rememberedNumbers = marked;

/** Of requests that have ended: for a small one, a new account costs as much as half of all else that is told of it. */
const spare: TimeAccount[] = [];
const spareMax = 1024;

/**
 * The time account of one request: a clock that is read at the seams. Each mark books the time since the last one to a stage; what happens between
 * two marks can so be in one stage only, and the sum can never be more than the whole.
 */
export class TimeAccount {
  /** The stages in their order, and the rest of the numbers. In an array, since each number in a field of its own is an object, too. */
  readonly #ms = new Float64Array(places.length);

  constructor(startedAt = performance.now()) {
    this.#open(startedAt);
  }

  /** One that begins now, which was another request's before if one was given back. */
  static take(): TimeAccount {
    const account = spare.pop();
    if (account === undefined) return new TimeAccount();
    account.#open(performance.now());
    return account;
  }

  /** By who had it taken, when nobody asks for it any more. */
  giveBack(): void {
    if (spare.length < spareMax) spare.push(this);
  }

  /** One of its own, for who remembers more than until the end of the request. */
  copy(): TimeAccount {
    const account = new TimeAccount(this.startedAt);
    account.#ms.set(this.#ms);
    return account;
  }

  /** Writes what is worth remembering when it is closed: so many numbers, the stages first. */
  writeTo(numbers: Float64Array, from: number): void {
    const ms = this.#ms;
    for (let at = 0; at < rememberedNumbers; at += 1) numbers[from + at] = ms[at]!;
  }

  /** One that was closed, as `writeTo` has written it. */
  static read(numbers: Float64Array, from: number): TimeAccount {
    const account = new TimeAccount(0);
    const ms = account.#ms;
    for (let at = 0; at < rememberedNumbers; at += 1) ms[at] = numbers[from + at]!;
    return account;
  }

  /** The queue as the request found it, if it got there. */
  get arrival(): Arrival | undefined {
    const ms = this.#ms;
    if (Number.isNaN(ms[waiting]!)) return undefined;
    return {
      waiting: ms[waiting]!,
      waitingBytes: ms[waitingBytes]!,
      running: ms[running]!,
      predictedWaitMs: ms[predictedWaitMs]!,
    };
  }

  /** It began to wait, and so it found the queue. Of a request that was cut, the first part says it: it found the queue as it was. */
  arrived(at: number, inputs: number, bytes: number, batches: number, waitMs: number): void {
    const ms = this.#ms;
    if (!Number.isNaN(ms[waiting]!)) return;
    ms[enqueued] = at;
    ms[waiting] = inputs;
    ms[waitingBytes] = bytes;
    ms[running] = batches;
    ms[predictedWaitMs] = waitMs;
  }

  get startedAt(): number {
    return this.#ms[opened]!;
  }

  /** From when it was opened until the request had ended, once it is closed. */
  get tookMs(): number {
    return this.#ms[took]!;
  }

  /** The request has ended, or did so before this. */
  close(endedAt: number | undefined): void {
    const ms = this.#ms;
    this.mark('send');
    ms[took] = (endedAt ?? ms[marked]!) - ms[opened]!;
  }

  /** When it was last marked, in the milliseconds of performance.now(). */
  get markedAt(): number {
    return this.#ms[marked]!;
  }

  get receive(): number {
    return this.#ms[receive]!;
  }

  get decode(): number {
    return this.#ms[decode]!;
  }

  get queue(): number {
    return this.#ms[queue]!;
  }

  get assemble(): number {
    return this.#ms[assemble]!;
  }

  get run(): number {
    return this.#ms[run]!;
  }

  get split(): number {
    return this.#ms[split]!;
  }

  get work(): number {
    return this.#ms[work]!;
  }

  get encode(): number {
    return this.#ms[encode]!;
  }

  get write(): number {
    return this.#ms[write]!;
  }

  get send(): number {
    return this.#ms[send]!;
  }

  /** Books everything since the last mark. */
  mark(stage: 'receive' | 'decode' | 'run' | 'encode' | 'send'): void {
    const ms = this.#ms;
    const now = performance.now();
    ms[placeOf[stage]]! += now - ms[marked]!;
    ms[marked] = now;
  }

  #open(startedAt: number): void {
    const ms = this.#ms;
    for (let stage = 0; stage < stageNames.length; stage += 1) ms[stage] = 0;
    ms[opened] = startedAt;
    ms[waiting] = Number.NaN;
    ms[marked] = startedAt;
  }

  /** Books everything since the last mark to the stage that a failure ended; only what is then said about it is sending. */
  markFailure({ running }: { running: boolean }): void {
    if (running) this.mark('run');
    else if (this.receive === 0) this.mark('receive');
    else if (this.decode === 0) this.mark('decode');
  }

  /**
   * Books what the engine measured between the last mark and the answer's turn; what it did not account for stays with the rest. Until a request began to wait
   * it was decoded and its inputs were checked.
   */
  markEngine(stages: {
    enqueuedAt: number;
    queueMs: number;
    assembleMs: number;
    runMs: number;
    splitMs: number;
    answeredAt: number;
  }): void {
    const ms = this.#ms;
    ms[decode]! += Math.max(0, stages.enqueuedAt - ms[marked]!);
    ms[queue]! += stages.queueMs;
    ms[assemble]! += stages.assembleMs;
    ms[run]! += stages.runMs;
    ms[split]! += stages.splitMs;
    ms[marked] = stages.answeredAt;
  }

  /**
   * Books what a request had of the engine that ended in a failure: until its last batch began it waited, then it ran, for as long as it was waited for.
   */
  markEngineFailed(batch: BatchFacts | undefined, runsSince: number | undefined): void {
    // It never got there, or what failed came after it.
    const ms = this.#ms;
    const enqueuedAt = ms[enqueued]!;
    if (Number.isNaN(ms[waiting]!) || ms[marked]! > enqueuedAt) return;
    const now = performance.now();
    const beganAt = Math.max(enqueuedAt, Math.min(now, runsSince ?? batch?.startedAt ?? now));
    const endedAt = runsSince === undefined ? Math.min(now, batch?.endedAt ?? now) : now;
    ms[decode]! += enqueuedAt - ms[marked]!;
    ms[run]! += endedAt - beganAt;
    ms[queue]! += now - enqueuedAt - (endedAt - beganAt);
    ms[marked] = now;
  }

  /** Books what a task measured of itself, from the last mark until now; what it did not account for stays with the rest. */
  markTask(stages: TaskStages): void {
    const ms = this.#ms;
    for (const stage of taskStages) ms[placeOf[stage]]! += stages[stage];
    ms[marked] = performance.now();
  }

  booked(): number {
    const ms = this.#ms;
    let sum = 0;
    for (let stage = 0; stage < stageNames.length; stage += 1) sum += ms[stage]!;
    return sum;
  }

  /** For the caller, in milliseconds; `send` cannot be in it, since it has not happened. Joined by +: each piece of a template is asked first whether it is text. */
  serverTiming(): string {
    const ms = this.#ms;
    let text = tellReceive.of(ms[receive]!);
    text += tellDecode.of(ms[decode]!);
    text += tellQueue.of(ms[queue]!);
    text += tellBatch.of(ms[assemble]!, ms[run]!);
    text += tellSplit.of(ms[split]!);
    return text + tellEncode.of(ms[encode]!);
  }

  /** The same for a task. */
  taskTiming(): string {
    return ['receive' as const, ...taskStages].map((stage) => `${stage};dur=${this[stage].toFixed(3)}`).join(',');
  }
}

/** The stages that a task books itself. Nothing of it is put together with others or shared out. */
export const taskStages = ['decode', 'queue', 'run', 'work', 'encode', 'write'] as const satisfies readonly StageName[];
export type TaskStages = Readonly<Record<(typeof taskStages)[number], number>>;

/**
 * A stage as Server-Timing has it, in milliseconds with three digits: microseconds are exact enough. Below a millisecond each text is made once, so that a request
 * joins one for each stage: what costs time is how many they are.
 */
class ToldStage {
  readonly #begins: string;
  readonly #belowOne: (string | undefined)[] = new Array(1000).fill(undefined);
  /** Of longer ones, what stands before the digits. */
  readonly #whole: readonly string[];

  constructor(begins: string) {
    this.#begins = begins;
    this.#whole = Array.from({ length: wholeMsMax }, (_, ms) => [begins, ms, '.'].join(''));
  }

  of(ms: number): string {
    // In whole numbers: half the time of the plain way.
    if (ms < 0.9995) {
      const us = (ms * 1000 + 0.5) | 0;
      return this.#belowOne[us] ?? this.#make(us);
    }
    if (ms >= wholeMsMax - 1) return this.#begins + ms.toFixed(3);
    const us = (ms * 1000 + 0.5) | 0;
    const whole = (us / 1000) | 0;
    return this.#whole[whole]! + thousandths[us - whole * 1000]!;
  }

  #make(us: number): string {
    // Joined from a list it is text in one piece.
    const text = [this.#begins, '0.', thousandths[us]].join('');
    this.#belowOne[us] = text;
    return text;
  }
}

const thousandths = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
/** Longer ones are not worth a text that is kept. */
const wholeMsMax = 100;

/** What all members of a batch have in common: made once for those that are answered one after the other. */
class ToldBatch {
  readonly #assemble = new ToldStage(',assemble;dur=');
  readonly #run = new ToldStage(',run;dur=');
  readonly #last = new Float64Array(2).fill(Number.NaN);
  #text = '';

  of(assembleMs: number, runMs: number): string {
    const last = this.#last;
    if (assembleMs !== last[0] || runMs !== last[1]) {
      last[0] = assembleMs;
      last[1] = runMs;
      this.#text = [this.#assemble.of(assembleMs), this.#run.of(runMs)].join('');
    }
    return this.#text;
  }
}

const tellReceive = new ToldStage('receive;dur=');
const tellDecode = new ToldStage(',decode;dur=');
const tellQueue = new ToldStage(',queue;dur=');
const tellBatch = new ToldBatch();
const tellSplit = new ToldStage(',split;dur=');
const tellEncode = new ToldStage(',encode;dur=');
