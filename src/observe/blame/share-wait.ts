import type { Span } from '../../spans-of-time.ts';

/** Something that held lanes for a time. */
export type Holding = { readonly startedAt: number; readonly endedAt: number };

/** What a wait is charged with: to each holding its part, and what no batch held. */
export type SharedWait<Held> = { readonly held: Map<Held, number>; readonly unheldMs: number };

/**
 * Charges each moment of some waits to what held lanes then, in equal parts where several did. The
 * parts and what nothing held add up to the waits.
 */
export function shareWait<Held extends Holding>(waits: readonly Span[], holdings: readonly Held[]): SharedWait<Held> {
  const held = new Map<Held, number>();
  let unheldMs = 0;
  for (const wait of waits) {
    const during = holdings.filter(({ startedAt, endedAt }) => startedAt < wait.to && endedAt > wait.from);
    const cuts = new Set([wait.from, wait.to]);
    for (const { startedAt, endedAt } of during) {
      if (startedAt > wait.from) cuts.add(startedAt);
      if (endedAt < wait.to) cuts.add(endedAt);
    }
    const times = [...cuts].sort((one, other) => one - other);
    for (let at = 1; at < times.length; at += 1) {
      const [from, to] = [times[at - 1]!, times[at]!];
      const active = during.filter(({ startedAt, endedAt }) => startedAt < to && endedAt > from);
      if (active.length === 0) unheldMs += to - from;
      for (const each of active) held.set(each, (held.get(each) ?? 0) + (to - from) / active.length);
    }
  }
  return { held, unheldMs };
}
