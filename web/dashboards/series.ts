import type { Exemplar, Labels, RangeResult } from '../asking/answers.ts';
import type { Target } from './dashboard.ts';

/** One line of a chart. Times are Unix seconds; null is a point that is missing. */
export type Series = {
  refId: string;
  labels: Labels;
  name: string;
  times: readonly number[];
  values: readonly (number | null)[];
};

export type ExemplarPoint = { at: number; value: number; traceId: string };

/** Puts the points of a range query on its grid, so that a gap is a gap. */
export function asSeries(
  result: readonly RangeResult[],
  target: Target,
  grid: { start: number; end: number; step: number },
): Series[] {
  const times: number[] = [];
  for (let at = grid.start; at <= grid.end + 1e-6; at += grid.step) times.push(Math.round(at * 1000) / 1000);
  return result.map(({ metric, values }) => {
    const placed: (number | null)[] = times.map(() => null);
    for (const [at, value] of values) {
      const place = Math.round((at - grid.start) / grid.step);
      const number = Number(value);
      if (place >= 0 && place < placed.length) placed[place] = Number.isFinite(number) ? number : null;
    }
    return {
      refId: target.refId ?? 'A',
      labels: metric,
      name: seriesName(metric, target.legendFormat),
      times,
      values: placed,
    };
  });
}

/** As the legend has it: {{label}} filled in, or, without a format, name and labels. */
export function seriesName(labels: Labels, legendFormat: string | undefined): string {
  if (legendFormat !== undefined && legendFormat !== '' && legendFormat !== '__auto')
    return (
      legendFormat.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/g, (_, label: string) => labels[label] ?? '').trim() || 'value'
    );
  const { __name__: name = '', ...others } = labels;
  const pairs = Object.entries(others);
  if (name === '' && pairs.length === 1) return pairs[0]![1];
  if (pairs.length === 0) return name === '' ? 'value' : name;
  return `${name}{${pairs.map(([label, value]) => `${label}="${value}"`).join(', ')}}`;
}

export function exemplarPoints(found: readonly { exemplars: readonly Exemplar[] }[]): ExemplarPoint[] {
  return found.flatMap(({ exemplars }) =>
    exemplars.flatMap(({ labels, value, timestamp }) =>
      labels.trace_id === undefined ? [] : [{ at: timestamp, value: Number(value), traceId: labels.trace_id }],
    ),
  );
}

/** One number of a series, by Grafana's name of the calculation; undefined where there is none. */
export function reduced(values: readonly (number | null)[], calculation: string): number | undefined {
  const there = values.filter((value): value is number => value !== null);
  if (there.length === 0) return undefined;
  const sum = () => there.reduce((total, value) => total + value, 0);
  switch (calculation) {
    case 'first':
    case 'firstNotNull':
      return there[0];
    case 'min':
      return there.reduce((a, b) => Math.min(a, b));
    case 'max':
      return there.reduce((a, b) => Math.max(a, b));
    case 'mean':
      return sum() / there.length;
    case 'sum':
      return sum();
    case 'count':
      return there.length;
    case 'range':
      return there.reduce((a, b) => Math.max(a, b)) - there.reduce((a, b) => Math.min(a, b));
    case 'delta':
    case 'diff':
      return there.at(-1)! - there[0]!;
    default:
      return there.at(-1);
  }
}

export const knownCalculations = [
  'last',
  'lastNotNull',
  'first',
  'firstNotNull',
  'min',
  'max',
  'mean',
  'sum',
  'count',
  'range',
  'delta',
  'diff',
] as const;
