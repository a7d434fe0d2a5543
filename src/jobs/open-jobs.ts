import { join } from 'node:path';
import type { Config } from '../config.ts';
import { SteadyClock } from '../steady-clock.ts';
import { JobMetrics } from './job-metrics.ts';
import { JobRunner, type Perform } from './job-runner.ts';
import { SqliteJobStore } from './sqlite-job-store.ts';
import { WorkFolders } from './work-folders.ts';

export type Jobs = AsyncDisposable & {
  readonly runner: JobRunner;
  readonly folders: WorkFolders;
  readonly metrics: JobMetrics;
};

/** The jobs of a data folder: jobs are taken from here on, and worked on once the runner is started. Disposing gives back what runs. */
export async function openJobs(config: Config, perform: Perform, given?: SteadyClock): Promise<Jobs> {
  // The store first: a database that is damaged takes the folders of its jobs aside with it.
  const store = await SqliteJobStore.open(config);
  const clock = given ?? SteadyClock.open(join(config.data, 'service'));
  const folders = await WorkFolders.open(config).catch(async (error: unknown) => {
    await store[Symbol.asyncDispose]();
    throw error;
  });
  const metrics = new JobMetrics();
  const runner = new JobRunner({ config, clock, store, folders, metrics, perform });
  return {
    runner,
    folders,
    metrics,
    [Symbol.asyncDispose]: async () => {
      await runner.stop();
      await store[Symbol.asyncDispose]();
    },
  };
}
