import type { AttributeName } from './attributes.ts';
import type { LabelName } from './labels.ts';

/** One row of the table of names. */
export type Metric = {
  name: string;
  kind: 'counter' | 'gauge' | 'up-down counter' | 'histogram' | 'exponential histogram';
  unit: string;
  says: string;
  attributes: readonly (LabelName | AttributeName)[];
  /** Which of the attributes are left off a point that has no value for them. */
  optional?: readonly (LabelName | AttributeName)[];
  /** The package that measures it, where it is not Vitrine. */
  from?: string;
  buckets?: readonly number[];
  /** For a histogram: the row of its twin without chosen buckets, which percentiles are read from. */
  exact?: string;
};

export const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** The convention's buckets of http.server.request.duration. */
export const conventionSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

/** Bodies, from 1 KiB to 256 MiB. */
export const bodyBytes = [
  0, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864, 268_435_456,
] as const;

export const stageSeconds = [
  0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Work that takes seconds to minutes: tasks, jobs, model loads. */
export const workSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600] as const;
