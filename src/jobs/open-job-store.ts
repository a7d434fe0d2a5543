import type { Config } from '../config.ts';
import type { JobStore } from './job-store.ts';
import { openSqliteJobStore } from './sqlite/sqlite-job-store.ts';

/** Where the settings want the jobs. */
export async function openJobStore(config: Pick<Config, 'data'>): Promise<JobStore> {
  return openSqliteJobStore(config);
}
