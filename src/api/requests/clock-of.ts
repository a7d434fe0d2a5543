/** A time of day in the milliseconds of performance.now(). */
export function clockOf(time: string): number {
  return Date.parse(time) - performance.timeOrigin;
}
