import type { AskedBy, BatchFacts, CacheOutcome, SequenceEnd } from './inference.ts';

/**
 * Hears what the engine does, to account for it. An observer is quick, throws nothing, and changes
 * nothing that it is given.
 */
export type EngineObserver = {
  /** A batch is over, however it ended. Every one that began. */
  batchEnded(batch: BatchFacts, members: readonly BatchMember[]): void;
  modelLoaded(load: LoadFacts): void;
  /**
   * A request will never run: its caller left, its deadline passed, or there was no room for it.
   */
  requestDropped(model: string, why: 'gone' | 'expired' | 'refused'): void;
  /** A request is run once more, because its lane was lost. */
  requestRetried(model: string): void;
  /** A request to a model that remembers its answers was looked up, which took so long. */
  lookedUp(model: string, outcome: CacheOutcome, tookMs: number): void;
  /** A request was answered without a run, which took a lane so long when it was made. */
  runSaved(model: string, laneMs: number): void;
  /** Remembered answers made room for another. */
  answersEvicted(model: string, count: number): void;
  sequenceEnded(model: string, why: SequenceEnd): void;
};

/** One request in a batch. */
export type BatchMember = {
  readonly rows: number;
  /** Of its inputs. */
  readonly bytes: number;
  /** Who is charged; undefined: nobody asked for it. */
  readonly tenant: string | undefined;
  /** The task or job that it works for. */
  readonly by?: AskedBy | undefined;
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
  batchEnded: () => undefined,
  modelLoaded: () => undefined,
  requestDropped: () => undefined,
  requestRetried: () => undefined,
  lookedUp: () => undefined,
  runSaved: () => undefined,
  answersEvicted: () => undefined,
  sequenceEnded: () => undefined,
};

/** All of them, in any order. */
export function observedBy(...observers: Partial<EngineObserver>[]): EngineObserver {
  return {
    batchEnded: (batch, members) => {
      for (const each of observers) each.batchEnded?.(batch, members);
    },
    modelLoaded: (load) => {
      for (const each of observers) each.modelLoaded?.(load);
    },
    requestDropped: (model, why) => {
      for (const each of observers) each.requestDropped?.(model, why);
    },
    requestRetried: (model) => {
      for (const each of observers) each.requestRetried?.(model);
    },
    lookedUp: (model, outcome, tookMs) => {
      for (const each of observers) each.lookedUp?.(model, outcome, tookMs);
    },
    runSaved: (model, laneMs) => {
      for (const each of observers) each.runSaved?.(model, laneMs);
    },
    answersEvicted: (model, count) => {
      for (const each of observers) each.answersEvicted?.(model, count);
    },
    sequenceEnded: (model, why) => {
      for (const each of observers) each.sequenceEnded?.(model, why);
    },
  };
}
