import { type CacheOutcome, cacheOutcomes } from '../engine/inference.ts';
import { type HeadValue, headValue, inOnePiece, joinHead } from '../head-lines.ts';
import { type Stages, taskStages } from './stages.ts';

/** The stages of an inference that are over when its answer is sent; `from` is where they begin. */
export function serverTiming(stages: Float64Array, from: number): HeadValue {
  let text = receive.of(stages[from]!);
  text = joinHead(text, decode.of(stages[from + 1]!));
  text = joinHead(text, queue.of(stages[from + 2]!));
  text = joinHead(text, batch.of(stages[from + 3]!, stages[from + 4]!));
  text = joinHead(text, split.of(stages[from + 5]!));
  return joinHead(text, encode.of(stages[from + 7]!));
}

/** How the request was found among the remembered answers. */
export const cacheTexts = Object.fromEntries(
  cacheOutcomes.map((outcome) => [outcome, headValue(`,cache;desc="${outcome}"`)]),
) as Readonly<Record<CacheOutcome, HeadValue>>;

export function taskTiming(stages: Stages): string {
  return ['receive' as const, ...taskStages].map((name) => `${name};dur=${stages[name].toFixed(3)}`).join(',');
}

/** Longer times are not worth a text that is kept. */
const wholeMsMax = 100;
const thousandths = Array.from({ length: 1000 }, (_, us) => headValue(String(us).padStart(3, '0')));

/**
 * A stage in milliseconds with three digits. Each text below a millisecond is made once, so that a
 * request joins one for each stage: how many pieces a head has is what its making costs.
 */
class StageTexts {
  readonly #begin: HeadValue;
  readonly #belowOne: (HeadValue | undefined)[] = new Array(1000).fill(undefined);
  /** Of longer times, what stands before the digits. */
  readonly #wholes: readonly HeadValue[];

  constructor(begin: string) {
    this.#begin = headValue(begin);
    this.#wholes = Array.from({ length: wholeMsMax }, (_, ms) => headValue([begin, ms, '.'].join('')));
  }

  of(ms: number): HeadValue {
    if (ms >= wholeMsMax - 1) return joinHead(this.#begin, headValue(ms.toFixed(3)));
    // In whole numbers: toFixed takes three times as long.
    const us = (ms * 1000 + 0.5) | 0;
    if (us < 1000) return this.#belowOne[us] ?? this.#make(us);
    const whole = (us / 1000) | 0;
    return joinHead(this.#wholes[whole]!, thousandths[us - whole * 1000]!);
  }

  #make(us: number): HeadValue {
    const text = inOnePiece([this.#wholes[0]!, thousandths[us]!]);
    this.#belowOne[us] = text;
    return text;
  }
}

/** What the requests of a batch have in common: one text for all that are answered in turn. */
class BatchTexts {
  readonly #assemble = new StageTexts(',assemble;dur=');
  readonly #run = new StageTexts(',run;dur=');
  readonly #last = new Float64Array(2).fill(Number.NaN);
  #text = headValue('');

  of(assembleMs: number, runMs: number): HeadValue {
    const last = this.#last;
    if (assembleMs === last[0] && runMs === last[1]) return this.#text;
    last[0] = assembleMs;
    last[1] = runMs;
    this.#text = inOnePiece([this.#assemble.of(assembleMs), this.#run.of(runMs)]);
    return this.#text;
  }
}

const receive = new StageTexts('receive;dur=');
const decode = new StageTexts(',decode;dur=');
const queue = new StageTexts(',queue;dur=');
const batch = new BatchTexts();
const split = new StageTexts(',split;dur=');
const encode = new StageTexts(',encode;dur=');
