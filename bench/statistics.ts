export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spread(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}

/** The median, and where it lies in 95 of 100 resamples: no distribution is assumed. The same numbers give the same interval. */
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
 * Which rounds were the calmest, in their order: by what was stolen from this machine meanwhile, in which no arm has a hand. `stolen` has a number for each
 * slice of a round; the worst of them is the round's.
 */
export function calmest(stolen: readonly (readonly number[])[], count: number): number[] {
  return stolen
    .map((slices, round) => ({ round, worst: Math.max(...slices) }))
    .sort((one, other) => one.worst - other.worst)
    .slice(0, count)
    .map(({ round }) => round)
    .sort((one, other) => one - other);
}
