import type { MetricLine } from './event-line.ts';

/** One combination of a metric's name and label values, with what it has come to. */
export type Series = {
  key: string;
  family: string;
  name: string;
  unit: MetricLine['unit'];
  labels: Record<string, string>;
  startMs: number;
  updatedMs: number;
  /**
   * Whether the zero has been exported; until then a counter is 0, or its first increments would be
   * invisible to rate().
   */
  begun: boolean;
  sum: Sum;
};

export type Sum =
  | { kind: 'counter' | 'gauge'; value: number }
  | { kind: 'histogram'; count: number; sum: number; bounds: number[]; counts: number[] };
