import type { Lane } from './lane.ts';
import type { SessionReport } from './lane-messages.ts';
import type { Shortcut } from './shortcut.ts';

// What a batcher needs of lanes and shortcut: the machine has such, and so has a replay.

export type PooledLane = Pick<Lane, 'kind' | 'name' | 'report' | 'run'>;

export type LanePool = {
  readonly report: SessionReport;
  /** How many can run now or soon. */
  readonly count: number;
  readonly idleCount: number;
  onFree: () => void;
  take(): PooledLane | undefined;
  giveBack(lane: PooledLane): void;
  giveUp(lane: PooledLane): void;
};

export type ShortRuns = Pick<Shortcut, 'fits' | 'run' | 'took' | 'apartMax'>;
