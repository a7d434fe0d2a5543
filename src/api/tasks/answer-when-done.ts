import type { Response } from 'express';
import { ServiceError } from '../../errors.ts';
import { recordStages, requestTrace } from '../../http/trace-request.ts';
import { hasEnded, type Job } from '../../jobs/job.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { say } from '../../sentence.ts';
import { failureOf } from '../jobs/failure-of.ts';
import { jobAnswer, jobPath } from '../jobs/job-answer.ts';

/**
 * Waits for a job that was made of this request and answers with its facts and the links to its
 * files. When the time is over first, or the service stops, the answer is 202 and the job goes on:
 * what was accepted is not lost.
 */
export async function answerWhenDone(
  { jobs, lifecycle }: { jobs: JobQueue; lifecycle: Lifecycle },
  of: {
    response: Response;
    job: Job;
    deadlineAt: number;
    signal: AbortSignal;
  },
): Promise<void> {
  const { response, deadlineAt, signal } = of;
  const waiting = AbortSignal.any([
    signal,
    lifecycle.stopping,
    AbortSignal.timeout(Math.max(1, Math.round(deadlineAt - performance.now()))),
  ]);
  const job = (await endOf(jobs, of.job, waiting)) ?? of.job;
  response.setHeader('Location', jobPath(job.id));
  response.setHeader('Cache-Control', 'no-store');
  requestTrace(response).row?.mark('run');
  recordStages(response);
  const answer = jobAnswer(job);
  switch (job.state) {
    case 'waiting':
    case 'running':
      response.setHeader('Retry-After', '1');
      response.status(202).json(answer);
      return;
    case 'cancelled':
      throw new ServiceError('job_cancelled', say`Cannot answer: the job was cancelled; send the request again.`);
    case 'failed':
      throw failureOf(job);
    case 'done':
      response.json({ ...job.result?.facts, job: job.id, expires_at: answer.expires_at, ...filesOf(answer) });
  }
}

/** The job as it has ended; undefined when nobody waits any longer. */
async function endOf(jobs: JobQueue, job: Job, waiting: AbortSignal): Promise<Job | undefined> {
  const ended = Promise.withResolvers<Job | undefined>();
  // Listening begins before the job is looked at, so that its end cannot fall in between.
  const stopFollowing = jobs.events.follow(job.id, (event) => {
    if (hasEnded(event.job)) ended.resolve(event.job);
  });
  const leave = () => ended.resolve(undefined);
  waiting.addEventListener('abort', leave);
  // A signal that was aborted before says nothing any more.
  if (waiting.aborted) leave();
  try {
    const now = await jobs.find(job.id);
    return now && hasEnded(now) ? now : await ended.promise;
  } finally {
    stopFollowing();
    waiting.removeEventListener('abort', leave);
  }
}

function filesOf(answer: ReturnType<typeof jobAnswer>): { files?: unknown } {
  const { files } = (answer.result ?? {}) as { files?: unknown };
  return files === undefined ? {} : { files };
}
