/** A time range as a dashboard has it (`now-15m`, or Unix milliseconds), and as seconds. */
export type TimeRange = { from: string; to: string };

export function secondsOf({ from, to }: TimeRange, nowMs = Date.now()): { start: number; end: number } {
  return { start: momentOf(from, nowMs) / 1000, end: momentOf(to, nowMs) / 1000 };
}

function momentOf(text: string, nowMs: number): number {
  const relative = /^now(?:-([^/]+))?(\/d)?$/.exec(text);
  if (relative) {
    const at = nowMs - (relative[1] === undefined ? 0 : durationSeconds(relative[1]) * 1000);
    return relative[2] === undefined ? at : new Date(at).setHours(0, 0, 0, 0);
  }
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(at))
    throw new Error(
      `Cannot read the time ${JSON.stringify(text)}; write now-15m, now/d, 2026-11-30T04:00:00Z, or Unix milliseconds.`,
    );
  return at;
}

const unitSeconds: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  M: 2_592_000,
  y: 31_536_000,
};

/** `1h30m` in seconds. */
export function durationSeconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwMy])/g)];
  if (parts.length === 0) throw new Error(`Cannot read the duration ${JSON.stringify(text)}; write 30s, 5m or 1h.`);
  return parts.reduce((total, [, amount, unit]) => total + Number(amount) * unitSeconds[unit ?? 's']!, 0);
}

/** 300 as Prometheus writes it: 5m. */
export function durationText(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))}ms`;
  const whole = Math.round(seconds);
  if (whole % 3600 === 0) return `${whole / 3600}h`;
  if (whole % 60 === 0) return `${whole / 60}m`;
  return `${whole}s`;
}

const niceSteps = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

/**
 * How far apart points are: a round number of seconds, about one for every few pixels, never below
 * what is measured.
 */
export function stepSeconds(range: { start: number; end: number }, pointsMax: number, atLeast: number): number {
  const wanted = (range.end - range.start) / Math.max(1, pointsMax);
  return Math.max(atLeast, niceSteps.find((step) => step >= wanted) ?? 86_400);
}
