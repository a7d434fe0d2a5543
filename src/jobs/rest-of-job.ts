import type { Job } from './job.ts';

/**
 * Milliseconds until a job that runs is done, by its rate so far; undefined before its first
 * progress.
 */
export function restOfJobMs({ state, progress, startedMs }: Job, now = Date.now()): number | undefined {
  if (state !== 'running' || startedMs === undefined || !progress) return undefined;
  const { done, total } = progress;
  return done > 0 && total >= done ? ((now - startedMs) / done) * (total - done) : undefined;
}
