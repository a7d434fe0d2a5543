/**
 * The schema of the jobs' database, as steps: a file of version n has had the first n. A step that
 * has been released is never changed; what comes after it is a new one.
 */
export const jobMigrations: readonly string[] = [
  `
  CREATE TABLE job (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    request TEXT NOT NULL,
    made_by TEXT NOT NULL,
    trace TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    started_ms INTEGER,
    ended_ms INTEGER,
    expires_ms INTEGER,
    cancel_wanted INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    result TEXT,
    failure TEXT,
    idempotency_key TEXT,
    fingerprint TEXT
  ) STRICT;
  CREATE INDEX job_by_state ON job (state, created_ms);
  CREATE INDEX job_by_tenant ON job (tenant, created_ms);
  CREATE INDEX job_by_expiry ON job (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE UNIQUE INDEX job_by_idempotency_key ON job (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
  `,
  // From here on not_before_ms and expires_ms are times of the data folder's clock, which began with
  // the clock on the wall.
  `
  ALTER TABLE job ADD COLUMN stalls INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN excused INTEGER NOT NULL DEFAULT 0;
  `,
  'ALTER TABLE job ADD COLUMN delete_wanted INTEGER NOT NULL DEFAULT 0;',
  // The process that works on a job, or will work on a suspect as soon as it has nothing else.
  'ALTER TABLE job ADD COLUMN owner TEXT;',
];
