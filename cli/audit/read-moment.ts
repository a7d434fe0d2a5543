import { StackFailure } from '../../launcher/stack-failure.ts';

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment as a person writes it: `now`, `90m` (so long ago), or a time of RFC 3339. */
export function readMoment(option: string, text: string, nowMs: number): number {
  if (text === 'now') return nowMs;
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  if (ago) return nowMs - Number(ago[1]) * unitsMs[ago[2]!]!;
  const atMs = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(atMs)) return atMs;
  throw new StackFailure(
    `Cannot read ${option}: it is "${text}"; give a time such as 2026-11-30T09:00:00Z, or so long ago, such as 2h.`,
  );
}
