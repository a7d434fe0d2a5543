import { type HeadValue, headValue, joinHead } from '../head-lines.ts';
import { type Stages, taskStages } from './stages.ts';

/** The stages of an inference that are over when its answer is sent; `from` is where they begin. */
export function serverTiming(stages: Float64Array, from: number): HeadValue {
  let text = stage(receive, stages[from]!);
  text = joinHead(text, stage(decode, stages[from + 1]!));
  text = joinHead(text, stage(queue, stages[from + 2]!));
  text = joinHead(text, stage(assemble, stages[from + 3]!));
  text = joinHead(text, stage(run, stages[from + 4]!));
  text = joinHead(text, stage(split, stages[from + 5]!));
  return joinHead(text, stage(encode, stages[from + 7]!));
}

export function taskTiming(stages: Stages): string {
  return ['receive' as const, ...taskStages].map((name) => `${name};dur=${stages[name].toFixed(3)}`).join(',');
}

/** In milliseconds with three digits. From ready texts: toFixed takes three times as long. */
function stage(begins: HeadValue, ms: number): HeadValue {
  if (ms >= wholeMax - 1) return joinHead(begins, headValue(ms.toFixed(3)));
  const us = (ms * 1000 + 0.5) | 0;
  const whole = (us / 1000) | 0;
  return joinHead(joinHead(begins, wholes[whole]!), thousandths[us - whole * 1000]!);
}

const wholeMax = 100;
const wholes = Array.from({ length: wholeMax }, (_, ms) => headValue(`${ms}.`));
const thousandths = Array.from({ length: 1000 }, (_, us) => headValue(String(us).padStart(3, '0')));
const receive = headValue('receive;dur=');
const decode = headValue(',decode;dur=');
const queue = headValue(',queue;dur=');
const assemble = headValue(',assemble;dur=');
const run = headValue(',run;dur=');
const split = headValue(',split;dur=');
const encode = headValue(',encode;dur=');
