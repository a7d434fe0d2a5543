import { join } from 'node:path';
import type { Config } from '../config.ts';
import { SteadyClock } from '../steady-clock.ts';
import type { Meter } from '../telemetry/meter.ts';
import { JobMetrics } from './job-metrics.ts';
import { JobRunner, type Perform } from './job-runner.ts';
import { SqliteJobStore } from './sqlite-job-store.ts';
import { WorkFolders } from './work-folders.ts';

export type Jobs = AsyncDisposable & {
  readonly runner: JobRunner;
  readonly folders: WorkFolders;
};

/** The jobs of a data folder: jobs are taken from here on, and worked on once the runner is started. Disposing gives back what runs. */
export async function openJobs(config: Config, meter: Meter, perform: Perform, given?: SteadyClock): Promise<Jobs> {
  // Whatever cannot be opened, what was opened before it is closed again: the next attempt finds nothing held.
  await using opened = new AsyncDisposableStack();
  // The store first: a database that is damaged takes the folders of its jobs aside with it.
  const store = opened.use(await SqliteJobStore.open(config));
  const clock = given ?? opened.use(SteadyClock.open(join(config.data, 'service')));
  const folders = await WorkFolders.open(config, meter);
  const metrics = new JobMetrics(meter);
  const runner = new JobRunner({ config, clock, store, folders, metrics, perform });
  opened.defer(() => runner.stop());
  const held = opened.move();
  return {
    runner,
    folders,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
