import type { BatchFacts, Follower } from './inference.ts';

/** Told of the engine's work, to account for it. It is called for every batch: whoever listens is quick and throws nothing. */
export type EngineObserver = {
  /** A batch goes to its lane. */
  batchBegan(provider: string): void;
  /** A batch is over, however it ended. Every one that began. */
  batchEnded(batch: BatchFacts, members: readonly BatchMember[]): void;
  modelLoaded(load: LoadFacts): void;
};

/** One request in a batch. */
export type BatchMember = {
  readonly rows: number;
  /** Of its inputs. */
  readonly bytes: number;
  readonly follower: Follower | undefined;
};

/** One attempt to load a version of a model; times in the milliseconds of performance.now(). */
export type LoadFacts = {
  readonly model: string;
  readonly version: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** `ok`, or the failure's code. */
  readonly result: string;
};

export const unobserved: EngineObserver = {
  batchBegan: () => undefined,
  batchEnded: () => undefined,
  modelLoaded: () => undefined,
};
