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
    const byEnd = [...during].sort((one, other) => one.endedAt - other.endedAt);
    const byStart = during.sort((one, other) => one.startedAt - other.startedAt);
    const active = new Set<Held>();
    let [begun, ended] = [0, 0];
    for (let at = wait.from; at < wait.to; ) {
      for (; begun < byStart.length && byStart[begun]!.startedAt <= at; begun += 1) active.add(byStart[begun]!);
      for (; ended < byEnd.length && byEnd[ended]!.endedAt <= at; ended += 1) active.delete(byEnd[ended]!);
      const next = Math.min(
        wait.to,
        byStart[begun]?.startedAt ?? Number.POSITIVE_INFINITY,
        byEnd[ended]?.endedAt ?? Number.POSITIVE_INFINITY,
      );
      if (active.size === 0) unheldMs += next - at;
      for (const each of active) held.set(each, (held.get(each) ?? 0) + (next - at) / active.size);
      at = next;
    }
  }
  return { held, unheldMs };
}
