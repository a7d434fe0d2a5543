import { formatValue } from '../../format/format-value.ts';
import type { Series } from '../series.ts';

/** A heatmap's rows upwards, each with its counts over time. */
export type Cells = { bounds: string[]; times: readonly number[]; counts: (number | null)[][]; most: number };

/**
 * A histogram's buckets count everything up to their bound: what is in one is the difference to the
 * one below.
 */
export function asCells(series: readonly Series[], unit: string): Cells {
  const buckets = series
    .map((each) => ({ bound: Number((each.labels.le ?? each.name).replace('+Inf', 'Infinity')), ...each }))
    .filter(({ bound }) => !Number.isNaN(bound))
    .sort((a, b) => a.bound - b.bound);
  const counts = buckets.map(({ values }, row) =>
    values.map((value, at) => (value === null ? null : Math.max(0, value - (buckets[row - 1]?.values[at] ?? 0)))),
  );
  // Buckets beyond the last that anything fell into would only take room.
  const used = counts.findLastIndex((line) => line.some((count) => (count ?? 0) > 0));
  const from = counts.findIndex((line) => line.some((count) => (count ?? 0) > 0));
  const kept = counts.slice(Math.max(0, from), used + 1);
  return {
    bounds: buckets.slice(Math.max(0, from), used + 1).map(({ bound }) => formatValue(bound, unit)),
    times: buckets[0]?.times ?? [],
    counts: kept,
    most: kept.flat().reduce<number>((most, count) => Math.max(most, count ?? 0), 0),
  };
}
