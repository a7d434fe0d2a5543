import type { Field } from '../field.ts';
import type { Series } from '../series.ts';

/** Something was in one state for a time; times are Unix seconds. */
export type StateSpan = { readonly text: string; readonly value: number; readonly from: number; readonly to: number };

/** Points that follow each other and read the same are one state; a missing point ends it. */
export function statesOf({ times, values }: Series, field: Field, step: number): StateSpan[] {
  const states: StateSpan[] = [];
  for (const [at, value] of values.entries()) {
    if (value === null) continue;
    const from = times[at]!;
    const text = field.shown(value);
    const last = states.at(-1);
    if (last?.text === text && values[at - 1] !== null) states[states.length - 1] = { ...last, to: from + step };
    else states.push({ text, value, from, to: from + step });
  }
  return states;
}
