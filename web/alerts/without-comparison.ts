/** `rate(x[5m]) > 0.1` has no points while it is fine; `rate(x[5m])` always has. */
export function withoutComparison(query: string): string {
  return query.trim().replace(/\s*(?:>=|<=|==|!=|>|<)\s*(?:bool\s+)?-?[\d.]+(?:e[+-]?\d+)?\s*$/, '');
}
