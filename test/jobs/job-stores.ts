import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { type Config, readConfig } from '../../src/config.ts';
import type { JobStore } from '../../src/jobs/job-store.ts';
import { openJobStore } from '../../src/jobs/open-job-store.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

/** Settings for jobs that begin empty: in a folder, or in a schema of their own. */
export type StoreKind = {
  readonly title: string;
  /** Before all: the database, or a skip with the reason. */
  begin(test: Context): Promise<void>;
  end(): Promise<void>;
  settings(data: string): Partial<Config>;
  /** Where uploads and results of jobs are, with this data folder. */
  files(data: string): string;
};

export const sqlite: StoreKind = {
  title: 'SQLite',
  begin: async () => undefined,
  end: async () => undefined,
  settings: () => ({}),
  files: (data) => join(data, 'service'),
};

let postgresql: TestPostgres | undefined;

export const postgres: StoreKind = {
  title: 'PostgreSQL',
  begin: async (test) => {
    test.timeout(120_000);
    postgresql = availableOrSkip(test, await startPostgres());
  },
  end: async () => postgresql?.[Symbol.asyncDispose](),
  settings: (data) => ({
    databaseUrl: postgresql?.url ?? '',
    databaseSchema: postgresql?.schema() ?? '',
    files: `file://${join(data, 'shared')}`,
  }),
  files: (data) => join(data, 'shared'),
};

/** An empty store. `again` opens it as after a kill: what it ran is still marked as running. */
export async function someStore(kind: StoreKind) {
  const folder = await temporaryFolder();
  const config = { ...readConfig({}), data: folder.path, ...kind.settings(folder.path) };
  const name = randomUUID();
  const open = () => openJobStore(config, new Meter(), name);
  let store = await open();
  return {
    get store(): JobStore {
      return store;
    },
    data: folder.path,
    times: { nowMs: Date.now(), expiresMs: Date.now() + 60_000 },
    again: async () => {
      await store[Symbol.asyncDispose]();
      store = await open();
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
