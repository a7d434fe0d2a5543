// Imported wherever each request reads it: as a global it is looked up anew at every call.
import { performance } from 'node:perf_hooks';

import type { Follower } from '../engine/inference.ts';

/** Where a request's time goes, in this order. What none of them has is the rest, and is measured too. */
export const stageNames = ['receive', 'decode', 'queue', 'assemble', 'run', 'split', 'encode', 'send'] as const;
export type StageName = (typeof stageNames)[number];

/**
 * The time account of one request: a clock that is read at the seams. Each mark books the time since the last one to a stage; what happens between
 * two marks can so be in one stage only, and the sum can never be more than the whole.
 */
export class TimeAccount {
  readonly startedAt: number;
  receive = 0;
  decode = 0;
  queue = 0;
  assemble = 0;
  run = 0;
  split = 0;
  encode = 0;
  send = 0;
  #markedAt: number;

  constructor(startedAt = performance.now()) {
    this.startedAt = startedAt;
    this.#markedAt = startedAt;
  }

  /** One that was closed, as its numbers say. */
  static of(startedAt: number, stages: Partial<Record<StageName, number>>): TimeAccount {
    return Object.assign(new TimeAccount(startedAt), stages);
  }

  /** When it was last marked, in the milliseconds of performance.now(). */
  get markedAt(): number {
    return this.#markedAt;
  }

  /** Books everything since the last mark. */
  mark(stage: 'receive' | 'decode' | 'run' | 'encode' | 'send'): void {
    const now = performance.now();
    const ms = now - this.#markedAt;
    this.#markedAt = now;
    // By name: a property that is found by a variable costs five times as much.
    switch (stage) {
      case 'receive':
        this.receive += ms;
        break;
      case 'decode':
        this.decode += ms;
        break;
      case 'run':
        this.run += ms;
        break;
      case 'encode':
        this.encode += ms;
        break;
      case 'send':
        this.send += ms;
    }
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
    this.decode += Math.max(0, stages.enqueuedAt - this.#markedAt);
    this.queue += stages.queueMs;
    this.assemble += stages.assembleMs;
    this.run += stages.runMs;
    this.split += stages.splitMs;
    this.#markedAt = stages.answeredAt;
  }

  /**
   * Books what a request had of the engine that ended in a failure: until its last batch began it waited, then it ran, for as long as it was waited for.
   */
  markEngineFailed({ enqueuedAt, batch, runsSince }: Follower): void {
    // It never got there, or what failed came after it.
    if (enqueuedAt === undefined || this.#markedAt > enqueuedAt) return;
    const now = performance.now();
    const beganAt = Math.max(enqueuedAt, Math.min(now, runsSince ?? batch?.startedAt ?? now));
    const endedAt = runsSince === undefined ? Math.min(now, batch?.endedAt ?? now) : now;
    this.decode += enqueuedAt - this.#markedAt;
    this.run += endedAt - beganAt;
    this.queue += now - enqueuedAt - (endedAt - beganAt);
    this.#markedAt = now;
  }

  booked(): number {
    return this.receive + this.decode + this.queue + this.assemble + this.run + this.split + this.encode + this.send;
  }

  /** For the caller, in milliseconds; `send` cannot be in it, since it has not happened. Written once per request: short. */
  serverTiming(): string {
    return `receive;dur=${short(this.receive)},decode;dur=${short(this.decode)},queue;dur=${short(this.queue)},assemble;dur=${short(this.assemble)},run;dur=${short(this.run)},split;dur=${short(this.split)},encode;dur=${short(this.encode)}`;
  }
}

/** Milliseconds with three digits: microseconds are exact enough. In whole numbers, and from a list where it is less than one: half the time of the plain way. */
function short(ms: number): string {
  if (ms < 0.9995) return belowOne[(ms * 1000 + 0.5) | 0] as string;
  if (ms > wholeNumbersMax) return ms.toFixed(3);
  const us = (ms * 1000 + 0.5) | 0;
  const whole = (us / 1000) | 0;
  return `${whole}.${thousandths[us - whole * 1000]}`;
}

const thousandths = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
const belowOne = thousandths.map((digits) => `0.${digits}`);
/** Beyond it microseconds are no whole number of 32 bits. */
const wholeNumbersMax = 2_000_000;
