import type { Config } from '../config.ts';
import type { JobClock } from './job-store.ts';
import type { EndTimes } from './store-answers.ts';

/** For a job that would end now. */
export function endTimes(of: { config: Pick<Config, 'jobResultAgeMsMax'>; clock: JobClock }): EndTimes {
  return { nowMs: Date.now(), expiresMs: of.clock.now() + of.config.jobResultAgeMsMax };
}
