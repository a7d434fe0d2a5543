import type { StageTimes } from './inference.ts';

/** The stages of a request that waited for another one before it waited for a lane. */
export function waitedSince(stages: StageTimes, since: number): StageTimes {
  return { ...stages, enqueuedAt: since, queueMs: stages.queueMs + stages.enqueuedAt - since };
}
