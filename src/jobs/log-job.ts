import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { failures } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Job } from './job.ts';
import type { JobMetrics } from './job-metrics.ts';
import { makeJobSpan } from './job-span.ts';

/** The job's own trace. */
export function contextOf({ trace: ids }: Job): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED });
}

/** What a line of the log says of a job. */
export function fieldsOf({ id, request, attempt, tenant }: Job) {
  return { [attribute.jobId]: id, kind: request.kind, attempt, tenant };
}

/** Counts the end of a job, makes its span, and logs it. */
export function recordEnd(job: Job, metrics: JobMetrics): void {
  metrics.ended(job);
  makeJobSpan(job);
  const tookMs = (job.endedMs ?? job.createdMs) - job.createdMs;
  log(
    'app',
    job.state === 'failed' ? 'warn' : 'info',
    `The job is ${job.state}: ${job.request.kind}, ${tookMs} ms after it was accepted${job.failure ? `; ${job.failure.recorded ?? failures[job.failure.code].means}` : ''}`,
    {
      event_type: 'job_ended',
      ...fieldsOf(job),
      status: job.state,
      duration_ms: tookMs,
      ...(job.failure && { [attribute.errorType]: job.failure.code }),
    },
    contextOf(job),
  );
}
