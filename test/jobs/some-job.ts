import { randomUUID } from 'node:crypto';
import type { NewJob } from '../../src/jobs/job.ts';
import { newIds } from '../../src/telemetry/ids.ts';

export function someJob(of: Partial<NewJob> & { kind?: NewJob['request']['kind'] } = {}): NewJob {
  const { kind = 'generate', ...rest } = of;
  return {
    id: randomUUID(),
    tenant: 'anonymous',
    request: { kind, parameters: { prompt: 'a bell' }, files: [] },
    madeBy: { ...newIds() },
    trace: { ...newIds() },
    createdMs: Date.now(),
    idempotency: undefined,
    ...rest,
  };
}

export const noLimits = { jobsMax: 1_000, ofTenantMax: 1_000 };
