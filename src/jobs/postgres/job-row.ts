import type { Row } from '../../postgres/open-database.ts';
import type { Job } from '../job.ts';

export function jobOfRow(row: Row): Job {
  return {
    id: row.id as string,
    tenant: row.tenant as string,
    state: row.state as Job['state'],
    request: JSON.parse(row.request as string) as Job['request'],
    madeBy: jsonIn(row.made_by) as Job['madeBy'],
    trace: jsonIn(row.trace) as Job['trace'],
    attempt: row.attempt as number,
    failures: row.failures as number,
    stalls: row.stalls as number,
    suspect: row.suspect as boolean,
    interruptions: row.interruptions as number,
    createdMs: row.created_ms as number,
    startedMs: numberIn(row.started_ms),
    endedMs: numberIn(row.ended_ms),
    expiresMs: numberIn(row.expires_ms),
    cancelWanted: row.cancel_wanted as boolean,
    deleteWanted: row.delete_wanted as boolean,
    progress: jsonIn(row.progress) as Job['progress'],
    result: jsonIn(row.result) as Job['result'],
    failure: jsonIn(row.failure) as Job['failure'],
  };
}

export function optionalJob(row: Row | undefined): Job | undefined {
  return row && jobOfRow(row);
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function jsonIn(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : undefined;
}
