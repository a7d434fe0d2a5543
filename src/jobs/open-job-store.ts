import type { Config } from '../config.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { JobStore } from './job-store.ts';
import { openPostgresJobStore } from './postgres/postgres-job-store.ts';
import { openSqliteJobStore } from './sqlite/sqlite-job-store.ts';

/** Where the settings want the jobs. `name` names this process over its restarts. */
export async function openJobStore(
  config: Parameters<typeof openPostgresJobStore>[0] & Pick<Config, 'data'>,
  meter: Meter,
  name: string,
): Promise<JobStore> {
  if (config.databaseUrl === '') return await openSqliteJobStore(config, name);
  return await openPostgresJobStore(config, meter, name);
}
