/** Of sorted values; 0 where there is none. */
export function percentileOf(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export function medianOf(values: Iterable<number>): number {
  return percentileOf(Float64Array.from(values).sort(), 0.5);
}
