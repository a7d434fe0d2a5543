/**
 * The increase of counters that begin with their first event, which rate() and increase() miss.
 * After a restart of the counting process the result is 0 until the next event.
 */
export function risen(counter: string, by: string, window: string): string {
  const sum = `sum by (${by}) (${counter})`;
  return `(${sum} - (sum by (${by}) (${counter} offset ${window}) or 0 * ${sum}))`;
}
