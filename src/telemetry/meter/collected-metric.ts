/** A metric as it stands at one moment: what an export is made from. */
export type CollectedMetric = { name: string; unit: string; says: string } & (
  | { kind: 'counter' | 'gauge' | 'up-down counter'; points: Point<number>[] }
  | { kind: 'histogram'; points: Point<HistogramValue>[] }
  | { kind: 'exponential histogram'; points: Point<ExponentialValue>[] }
);

export type Point<Value> = { labels: Record<string, string>; startMs: number; atMs: number; value: Value };

export type HistogramValue = {
  count: number;
  sum: number;
  /** Upper bounds; `counts` has one more, for what is above the last. */
  bounds: readonly number[];
  counts: readonly number[];
  /** The last kept trace of each bucket; absent where there was none. */
  exemplars?: readonly Exemplar[] | undefined;
};

/** A kept request, as one example of what its bucket counts. */
export type Exemplar = {
  readonly value: number;
  readonly atMs: number;
  readonly traceId: string;
  readonly spanId: string;
};

/**
 * The buckets of positive values: the first is `offset`, and bucket i ends at 2^((i + 1) /
 * 2^scale).
 */
export type ExponentialValue = {
  count: number;
  sum: number;
  scale: number;
  zeroCount: number;
  offset: number;
  counts: readonly number[];
  exemplars?: readonly Exemplar[] | undefined;
};
