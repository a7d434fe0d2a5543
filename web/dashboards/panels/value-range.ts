import type { Field } from '../field.ts';

/**
 * From zero unless the values go below, with room above; a flat line is not at the edge. A
 * logarithmic axis begins at a power of ten: from
 * other numbers uPlot steps on by what it rounds to 0, and never comes to an end.
 */
export function rangeOf(low: number | null, high: number | null, field: Field): [number, number] {
  const { axisSoftMin, axisSoftMax, scaleDistribution } = field.custom ?? {};
  const isLog = scaleDistribution?.type === 'log';
  const least = Math.min(low ?? 0, axisSoftMin ?? (isLog ? Number.POSITIVE_INFINITY : 0));
  const most = Math.max(high ?? 1, axisSoftMax ?? Number.NEGATIVE_INFINITY);
  const min = field.min ?? least;
  const max = field.max ?? (most > min ? most + (isLog ? 0 : (most - min) * 0.06) : min + 1);
  if (!isLog) return [min, max];
  const power = Math.floor(Math.log10(Math.max(min, logMin)));
  return [Number(`1e${power}`), Math.max(max, 10 * logMin)];
}

const logMin = 1e-9;
