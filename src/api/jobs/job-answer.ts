import { hasEnded, type Job } from '../../jobs/job.ts';

/** A job as callers see it. */
export function jobAnswer(
  job: Job,
  { estimateMs, ahead }: { estimateMs?: number | undefined; ahead?: number | undefined } = {},
): Record<string, unknown> {
  const self = jobPath(job.id);
  const { progress, result, failure } = job;
  return {
    id: job.id,
    kind: job.request.kind,
    state: job.state,
    ...(job.cancelWanted && !hasEnded(job) && { cancelling: true }),
    attempt: job.attempt,
    created_at: time(job.createdMs),
    started_at: time(job.startedMs),
    ended_at: time(job.endedMs),
    expires_at: time(job.expiresMs),
    trace_id: job.trace.traceId,
    ...(ahead !== undefined && { ahead }),
    ...(progress && {
      progress: {
        ...progress,
        ratio: progress.total > 0 ? Math.min(1, progress.done / progress.total) : undefined,
      },
    }),
    ...(estimateMs !== undefined && {
      estimate: {
        seconds_left: Math.round(estimateMs / 100) / 10,
        ends_at: time(Math.round(Date.now() + estimateMs)),
      },
    }),
    ...(failure && { failure: { code: failure.code, error: failure.message } }),
    ...(result && {
      result: {
        facts: result.facts,
        files: result.files.map(({ name, contentType, sizeBytes }) => ({
          name,
          content_type: contentType,
          size_bytes: sizeBytes,
          href: `${self}/files/${encodeURIComponent(name)}`,
        })),
      },
    }),
    links: {
      self,
      events: `${self}/events`,
      ...(hasEnded(job) ? {} : { cancel: `${self}/cancel` }),
      ...(result && { result: `${self}/result` }),
    },
  };
}

export function jobPath(id: string): string {
  return `/v1/jobs/${id}`;
}

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
