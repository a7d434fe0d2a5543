import { integer, type Setting, text } from './setting.ts';

/** The database that several replicas share. */
export const databaseSettings = {
  databaseUrl: text(
    'VITRINE_DATABASE_URL',
    '',
    'PostgreSQL for the jobs of all replicas: postgres://user@host/database?sslmode=verify-full. Empty: SQLite in VITRINE_DATA, for one replica. The password may come from PGPASSWORD or PGPASSFILE.',
  ),
  databaseSchema: text(
    'VITRINE_DATABASE_SCHEMA',
    'vitrine',
    'The schema in that database which the tables are in. Deployments that share a database each have their own.',
  ),
  databaseConnectionsMax: integer(
    'VITRINE_DATABASE_CONNECTIONS_MAX',
    8,
    1,
    1_000,
    'Connections of one process to the database, besides the one that listens for changes.',
  ),
  databaseWaitMsMax: integer(
    'VITRINE_DATABASE_WAIT_MS_MAX',
    2_000,
    50,
    600_000,
    'How long a query may wait for a connection. Jobs that find none in this time are refused.',
  ),
  databaseStatementMsMax: integer(
    'VITRINE_DATABASE_STATEMENT_MS_MAX',
    10_000,
    100,
    3_600_000,
    'How long one statement may take in the database (statement_timeout).',
  ),
  databaseLockMsMax: integer(
    'VITRINE_DATABASE_LOCK_MS_MAX',
    3_000,
    10,
    3_600_000,
    'How long a statement may wait for a lock (lock_timeout).',
  ),
  databasePollMs: integer(
    'VITRINE_DATABASE_POLL_MS',
    1_000,
    50,
    600_000,
    'How often a replica looks for new work that it was not notified of.',
  ),
  jobLeaseMs: integer(
    'VITRINE_JOB_LEASE_MS',
    30_000,
    1_000,
    3_600_000,
    'How long a replica may be silent before the others put its jobs back to the queue. It refreshes its lease three times in that time. Shorter than a pause that happens (a frozen machine) costs repeated work, never a second end.',
  ),
} as const satisfies Record<string, Setting>;
