import type { InChurnList } from '../../v8/churn-list.ts';
import type { PooledLane } from '../lanes/lane-pool.ts';
import type { Owned } from '../owned.ts';
import type { PaddedBatch } from './padding.ts';
import type { Batch } from './waiting-inputs.ts';

/** A batch on its way to a lane and back. */
export type RunningBatch = InChurnList & {
  /** That of its first run; each further one of a batch whose requests run apart has the next. */
  readonly id: number;
  /**
   * Held by it, also when it runs on the shortcut: a model runs as many batches at once as it has
   * lanes.
   */
  readonly lane: PooledLane;
  readonly tookShortcut: boolean;
  readonly batch: Batch;
  /** Undefined: its requests are as long as each other. */
  readonly padded: PaddedBatch | undefined;
  readonly startedAt: number;
  sentAt: number;
  /** Inputs that were joined for the event loop, to be released when they were run. */
  joined: Owned | undefined;
};
