import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Database } from '../postgres/open-database.ts';
import { SteadyClock } from '../steady-clock.ts';
import { instanceId } from '../telemetry/instance.ts';
import type { Meter } from '../telemetry/meter.ts';
import { openJobFiles } from './files/open-job-files.ts';
import { JobMetrics } from './job-metrics.ts';
import { JobQueue } from './job-queue.ts';
import { JobWorker } from './job-worker.ts';
import { LiveJobs } from './live-jobs.ts';
import { openJobStore } from './open-job-store.ts';
import type { Perform } from './run-attempt.ts';
import { WorkFolders } from './work-folders.ts';

export type Jobs = AsyncDisposable & {
  readonly queue: JobQueue;
  readonly worker: JobWorker;
  readonly folders: WorkFolders;
};

type Given = {
  readonly part?: string;
  readonly clock?: SteadyClock;
  readonly database?: Database | undefined;
};

/**
 * The jobs of a data folder, or with a database the jobs of all replicas, of which this one works in
 * `part` of its folder: jobs are taken from here on, and worked on once the worker is started.
 * Disposing gives back what runs.
 */
export async function openJobs(
  config: Config,
  meter: Meter,
  perform: Perform,
  { part = 'service', clock: given, database }: Given = {},
): Promise<Jobs> {
  // Whatever cannot be opened, what was opened before it is closed again: the next attempt finds
  // nothing held.
  await using opened = new AsyncDisposableStack();
  // The store first: a database that is damaged takes the folders of its jobs aside with it.
  const store = opened.use(await openJobStore(config, meter, instanceId(join(config.data, part)), database));
  const clock = store.clock ?? given ?? opened.use(SteadyClock.open(join(config.data, part)));
  const folders = await WorkFolders.open(config, meter, part);
  const files = await openJobFiles(config, folders);
  const metrics = new JobMetrics(meter);
  const live = new LiveJobs(clock, (event) => store.announce(event));
  const worker = new JobWorker({ config, clock, store, folders, files, metrics, live, perform });
  const queue = new JobQueue({ config, clock, store, folders, files, metrics, live, worker });
  opened.defer(() => worker.stop());
  const held = opened.move();
  return {
    queue,
    worker,
    folders,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
