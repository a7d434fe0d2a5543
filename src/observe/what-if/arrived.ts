import type { LoadColumn } from './recorded-load.ts';

/** One arrival before all are columns. */
export type Arrived = Omit<Record<LoadColumn, number>, 'tenant' | 'previous'> & {
  readonly tenant: string;
  readonly previous: Arrived | undefined;
};
