import { secondsOf, type TimeRange } from './time-range.ts';

/** By a part of its length; not beyond now. */
export function moved(range: TimeRange, by: number): TimeRange {
  const { start, end } = secondsOf(range);
  const shift = Math.min((end - start) * by, Math.max(0, Date.now() / 1000 - end));
  return asRange(start + shift, end + shift);
}

/** Around its middle; not beyond now. */
export function zoomed(range: TimeRange, by: number): TimeRange {
  const { start, end } = secondsOf(range);
  const length = (end - start) * by;
  const until = Math.min(Date.now() / 1000, (start + end) / 2 + length / 2);
  return asRange(until - length, until);
}

export function asRange(start: number, end: number): TimeRange {
  return { from: String(Math.round(start * 1000)), to: String(Math.round(end * 1000)) };
}
