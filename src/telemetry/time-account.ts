/** Where a request's time goes, in this order. What none of them has is the rest, and is measured too. */
export const stageNames = ['receive', 'decode', 'queue', 'assemble', 'run', 'split', 'encode', 'send'] as const;
export type StageName = (typeof stageNames)[number];

/**
 * The time account of one request: a clock that is read at the seams. Each mark books the time since the last one to a stage; what happens between
 * two marks can so be in one stage only, and the sum can never be more than the whole.
 */
export class TimeAccount {
  readonly startedAt = performance.now();
  receive = 0;
  decode = 0;
  queue = 0;
  assemble = 0;
  run = 0;
  split = 0;
  encode = 0;
  send = 0;
  #markedAt = this.startedAt;

  /** Books everything since the last mark. */
  mark(stage: StageName): void {
    const now = performance.now();
    this[stage] += now - this.#markedAt;
    this.#markedAt = now;
  }

  /** Books what the engine measured between the last mark and now; what it did not account for stays with the rest. */
  markEngine(stages: { queueMs: number; assembleMs: number; runMs: number; splitMs: number }): void {
    this.queue += stages.queueMs;
    this.assemble += stages.assembleMs;
    this.run += stages.runMs;
    this.split += stages.splitMs;
    this.#markedAt = performance.now();
  }

  booked(): number {
    return this.receive + this.decode + this.queue + this.assemble + this.run + this.split + this.encode + this.send;
  }

  /** For the caller, in milliseconds; `send` cannot be in it, since it has not happened. Written once per request: short. */
  serverTiming(): string {
    return `receive;dur=${short(this.receive)},decode;dur=${short(this.decode)},queue;dur=${short(this.queue)},assemble;dur=${short(this.assemble)},run;dur=${short(this.run)},split;dur=${short(this.split)},encode;dur=${short(this.encode)}`;
  }
}

/** Microseconds are exact enough, and a short number costs less to write. */
function short(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
