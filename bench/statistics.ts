export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spread(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}

/**
 * The median, and where it lies in 95 of 100 resamples: no distribution is assumed. The same
 * numbers give the same interval.
 */
export function medianWithInterval(values: readonly number[]): { median: number; from: number; to: number } {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const medians = Array.from({ length: 2_000 }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)]!)),
  ).sort((a, b) => a - b);
  return { median: median(values), from: medians[50]!, to: medians[1_949]! };
}

/** The same items, begun elsewhere: so that no arm is always the first of its round. */
export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

/**
 * The slices of the calmest rounds, by the CPU time that the host stole, which no arm influences.
 * A round counts with its worst slice.
 */
export function calmest<Slice extends { readonly stolenPercent: number }>(
  arms: ReadonlyMap<string, readonly Slice[]>,
  count: number,
): Map<string, Slice[]> {
  const [first = []] = arms.values();
  const rounds = first
    .map((_, round) => ({ round, worst: Math.max(...[...arms.values()].map((mine) => mine[round]!.stolenPercent)) }))
    .sort((one, other) => one.worst - other.worst)
    .slice(0, count)
    .map(({ round }) => round)
    .sort((one, other) => one - other);
  return new Map([...arms].map(([name, mine]) => [name, rounds.map((round) => mine[round]!)]));
}
