import { failures } from '../errors.ts';
import { sampled } from '../telemetry/ids.ts';
import { attribute, spanNames } from '../telemetry/names/names.ts';
import { recordSpan } from '../telemetry/spans.ts';
import type { Job } from './job.ts';

/**
 * The span of an ended job, from accepted to ended, under the ids that its attempts named as their
 * parent: they may have been made by other processes, before a restart.
 */
export function makeJobSpan(job: Job): void {
  const { createdMs, endedMs = createdMs, failure } = job;
  recordSpan({
    name: spanNames.job.name,
    ids: job.trace,
    startMs: createdMs,
    endMs: endedMs,
    attributes: {
      [attribute.jobId]: job.id,
      [attribute.jobKind]: job.request.kind,
      [attribute.jobAttempt]: job.attempt,
      [attribute.jobState]: job.state,
      tenant: job.tenant,
      ...(failure && { [attribute.errorType]: failure.code }),
    },
    links: [sampled(job.madeBy)],
    error: failure && failures[failure.code].means,
  });
}
