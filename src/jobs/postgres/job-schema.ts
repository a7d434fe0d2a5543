/**
 * The tables of the jobs, as steps that only add: see migrate.ts. `not_before_ms` is 0 of a job that
 * may run now, so that the index of those has nothing to pass over.
 */
export const jobSchema: readonly string[] = [
  `
  CREATE TABLE job (
    id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    request text NOT NULL,
    made_by text NOT NULL,
    trace text NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    stalls integer NOT NULL DEFAULT 0,
    interruptions integer NOT NULL DEFAULT 0,
    suspect boolean NOT NULL DEFAULT false,
    excused boolean NOT NULL DEFAULT false,
    cancel_wanted boolean NOT NULL DEFAULT false,
    delete_wanted boolean NOT NULL DEFAULT false,
    owner text,
    created_ms bigint NOT NULL,
    not_before_ms bigint NOT NULL DEFAULT 0,
    started_ms bigint,
    ended_ms bigint,
    expires_ms bigint,
    progress text,
    result text,
    failure text,
    idempotency_key text,
    fingerprint text
  ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
  CREATE INDEX job_ready ON job (tenant, kind, created_ms, id)
    WHERE state = 'waiting' AND NOT suspect AND not_before_ms = 0;
  CREATE INDEX job_suspect ON job (interruptions, created_ms, id) WHERE state = 'waiting' AND suspect;
  CREATE INDEX job_delayed ON job (not_before_ms) WHERE state = 'waiting' AND not_before_ms > 0;
  CREATE INDEX job_running ON job (owner, tenant) WHERE state = 'running';
  CREATE INDEX job_live ON job (tenant, kind, state, created_ms, id) WHERE state IN ('waiting', 'running');
  CREATE INDEX job_by_tenant ON job (tenant, created_ms DESC, id);
  CREATE INDEX job_done ON job (kind, ended_ms DESC) WHERE state = 'done';
  CREATE INDEX job_by_expiry ON job (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE UNIQUE INDEX job_by_idempotency_key ON job (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE TABLE replica (
    owner text PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    lease_until timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  `,
  // Where the others ask it; unknown of a version before.
  'ALTER TABLE replica ADD COLUMN address text',
];
