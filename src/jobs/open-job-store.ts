import type { Config } from '../config.ts';
import type { Database } from '../postgres/open-database.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { JobStore } from './job-store.ts';
import { openPostgresJobStore } from './postgres/postgres-job-store.ts';
import { openSqliteJobStore } from './sqlite/sqlite-job-store.ts';

/**
 * Where the settings want the jobs. `name` names this process over its restarts; `shared` is a
 * database that is open already.
 */
export async function openJobStore(
  config: Parameters<typeof openPostgresJobStore>[0] & Pick<Config, 'data'>,
  meter: Meter,
  name: string,
  shared?: Database,
): Promise<JobStore> {
  if (config.databaseUrl === '') return await openSqliteJobStore(config, name);
  return await openPostgresJobStore(config, meter, name, shared);
}
