import { type Stages, taskStages } from './stages.ts';

/** The stages of an inference that are over when its answer is sent; `from` is where they begin. */
export function serverTiming(stages: Float64Array, from: number): string {
  let text = stage('receive;dur=', stages[from]!);
  text += stage(',decode;dur=', stages[from + 1]!);
  text += stage(',queue;dur=', stages[from + 2]!);
  text += stage(',assemble;dur=', stages[from + 3]!);
  text += stage(',run;dur=', stages[from + 4]!);
  text += stage(',split;dur=', stages[from + 5]!);
  return text + stage(',encode;dur=', stages[from + 7]!);
}

export function taskTiming(stages: Stages): string {
  return ['receive' as const, ...taskStages].map((name) => `${name};dur=${stages[name].toFixed(3)}`).join(',');
}

/** In milliseconds with three digits. From ready texts: toFixed takes three times as long. */
function stage(begins: string, ms: number): string {
  if (ms >= wholeMax - 1) return begins + ms.toFixed(3);
  const us = (ms * 1000 + 0.5) | 0;
  const whole = (us / 1000) | 0;
  return begins + wholes[whole]! + thousandths[us - whole * 1000]!;
}

const wholeMax = 100;
const wholes = Array.from({ length: wholeMax }, (_, ms) => `${ms}.`);
const thousandths = Array.from({ length: 1000 }, (_, us) => String(us).padStart(3, '0'));
