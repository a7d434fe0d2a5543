/**
 * What counters have counted in the window, summed by labels, for those that begin with their first event: rate() and increase() do not see it.
 * After a restart of whoever counts it is below what it was, and nothing is told until the next event.
 */
export function risen(counter: string, by: string, window: string): string {
  const sum = `sum by (${by}) (${counter})`;
  return `(${sum} - (sum by (${by}) (${counter} offset ${window}) or 0 * ${sum}))`;
}
