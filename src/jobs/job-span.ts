import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { failures } from '../errors.ts';
import { scopeName, spanNames } from '../telemetry/names.ts';
import { withIds } from '../telemetry/preset-ids.ts';
import { linksTo } from '../telemetry/spans.ts';
import type { Job } from './job.ts';

/**
 * The span of an ended job, from accepted to ended, under the ids that its attempts named as their parent: they may have been made by other processes,
 * before a restart.
 */
export function makeJobSpan(job: Job): void {
  const { createdMs, endedMs = createdMs } = job;
  const span = withIds(job.trace, () =>
    trace.getTracer(scopeName).startSpan(
      spanNames.job.name,
      {
        kind: SpanKind.INTERNAL,
        startTime: createdMs,
        attributes: {
          'job.id': job.id,
          'job.kind': job.request.kind,
          'job.attempt': job.attempt,
          'job.state': job.state,
          tenant: job.tenant,
        },
        links: linksTo([{ ...job.madeBy, traceFlags: TraceFlags.SAMPLED }]),
      },
      ROOT_CONTEXT,
    ),
  );
  if (job.failure) {
    span.setAttribute('error.type', job.failure.code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: failures[job.failure.code].means });
  }
  span.end(endedMs);
}
