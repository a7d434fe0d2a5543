import { StackFailure } from '../launcher/stack-failure.ts';

/** VITRINE_TIME_SCALE as a number. */
export function readTimeScale(text: string): number {
  const scale = Number(text);
  if (scale > 0 && scale <= 1000) return scale;
  throw new StackFailure(`Cannot use VITRINE_TIME_SCALE: it is "${text}"; give a number above 0, such as 0.1.`);
}
