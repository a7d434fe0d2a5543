import { partOf } from '../promql.ts';

/** One query of a panel: to which store, and how its answer is read. */
export type Query =
  | {
      source: 'prometheus';
      expr: string;
      /** Grafana's pattern for the name of each series. */
      legend: string;
      /** instant: the last value. table: last values as rows. buckets: a heatmap. exemplars: dots. */
      shape: 'range' | 'instant' | 'table' | 'buckets' | 'exemplars';
    }
  | { source: 'loki'; expr: string; legend: string; shape: 'lines' | 'range' | 'instant' }
  | { source: 'tempo'; expr: string; shape: 'traces' };

export function over(expr: string, legend = ''): Query {
  return { source: 'prometheus', expr, legend, shape: 'range' };
}

export function now(expr: string, legend = ''): Query {
  return { source: 'prometheus', expr, legend, shape: 'instant' };
}

export function rows(expr: string, legend = ''): Query {
  return { source: 'prometheus', expr, legend, shape: 'table' };
}

export function buckets(expr: string): Query {
  return { source: 'prometheus', expr, legend: '{{le}}', shape: 'buckets' };
}

export function lines(expr: string): Query {
  return { source: 'loki', expr, legend: '', shape: 'lines' };
}

export function lineCount(expr: string, legend: string): Query {
  return { source: 'loki', expr, legend, shape: 'range' };
}

export function traces(expr: string): Query {
  return { source: 'tempo', expr, shape: 'traces' };
}

/**
 * Dots that lead to traces: exemplars of the histogram. The query asks for buckets below zero: it
 * finds exemplars and draws no line.
 */
export function exemplars(
  of: 'httpRequestSeconds' | 'inferenceSeconds',
  matchers: Readonly<Partial<Record<'endpoint' | 'model', string>>> = {},
): Query {
  const buckets = partOf(of, 'bucket', { job: 'vitrine', ...matchers });
  return {
    source: 'prometheus',
    expr: `${buckets} < 0`,
    legend: 'kept traces',
    shape: 'exemplars',
  };
}
