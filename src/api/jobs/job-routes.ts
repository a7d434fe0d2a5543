import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { readQuery } from '../../http/read-by.ts';
import { hasEnded, type Job } from '../../jobs/job.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import { ours, say } from '../../sentence.ts';
import type { Client } from '../access/clients.ts';
import { failedBefore } from './failure-of.ts';
import { jobAnswer } from './job-answer.ts';
import { jobId, jobListQuery } from './job-queries.ts';
import { sendKeptFile } from './send-kept-file.ts';

export type JobParts = { config: Config; jobs: JobQueue };

/**
 * GET /v1/jobs: the caller's own, the newest first; all of them for the administrator. `?before=`
 * takes the time that the page before ended with, `?before_id=` the id: several may be of one time.
 */
export function listJobs({ jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const {
      limit = 100,
      before: beforeMs = Number.MAX_SAFE_INTEGER,
      before_id: behindId,
    } = readQuery(jobListQuery, request);
    const jobs = await queue.list({ tenant: client.admin ? undefined : client.tenant, beforeMs, behindId, limit });
    const last = jobs.length === limit ? jobs.at(-1) : undefined;
    response.json({
      jobs: jobs.map((job) => ({ ...jobAnswer(job), ...(client.admin && { tenant: job.tenant }) })),
      ...(last && {
        next: `/v1/jobs?limit=${limit}&before=${new Date(last.createdMs).toISOString()}&before_id=${last.id}`,
      }),
    });
  };
}

/** GET /v1/jobs/{id}: state, progress, estimate, links. */
export function showJob({ jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    await answerJob(queue, await findOwn(queue, client, request), response);
  };
}

/**
 * POST /v1/jobs/{id}/cancel: what waits never begins, what runs is given up. 202 while it is being
 * given up.
 */
export function cancelJob({ jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const own = await findOwn(queue, client, request);
    const job = (await queue.cancel(own.id)) ?? own;
    if (!hasEnded(job)) response.status(202);
    await answerJob(queue, job, response);
  };
}

/**
 * DELETE /v1/jobs/{id}: forgets a job and its result. One that runs gives up first, which 202 says;
 * it is gone when it has.
 */
export function deleteJob({ jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const own = await findOwn(queue, client, request);
    const job = (await queue.delete(own.id)) ?? own;
    if (hasEnded(job)) response.status(204).end();
    else {
      response.status(202);
      await answerJob(queue, job, response);
    }
  };
}

/**
 * GET /v1/jobs/{id}/result: what the request would have been answered; 409 where that was a
 * failure.
 */
export function jobResult({ config, jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const job = await findOwn(queue, client, request);
    const [file] = resultOf(job).files;
    if (!file) throw new ServiceError('not_found', say`Cannot answer: the job has left no file.`);
    await sendKeptFile(response, queue.files, { job, file }, config);
  };
}

/** GET /v1/jobs/{id}/files/{name}: one file of the result. */
export function jobFile({ config, jobs: queue }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const job = await findOwn(queue, client, request);
    const { files } = resultOf(job);
    // The name is looked up, never joined to a path as it came.
    const file = files.find(({ name }) => name === request.params.name);
    if (!file)
      throw new ServiceError(
        'not_found',
        say`Cannot answer: the job has no file of this name; it has ${files.map(({ name }) => name).join(', ')}.`,
      );
    await sendKeptFile(response, queue.files, { job, file }, config);
  };
}

/** The job, if the caller may see it; otherwise the answer is the same as for a missing job. */
export async function findOwn(queue: JobQueue, client: Client, request: Request): Promise<Job> {
  const { id } = request.params as { id: string };
  const job = jobId.test(id) ? await queue.find(id) : undefined;
  if (job && (client.admin || job.tenant === client.tenant)) return job;
  throw new ServiceError(
    'job_not_found',
    say`Cannot answer: there is no such job of this caller; it was deleted, or its time to live (VITRINE_JOB_RESULT_AGE_MS_MAX) is over, or its id is wrong.`,
  );
}

async function answerJob(queue: JobQueue, job: Job, response: Response): Promise<void> {
  const [estimateMs, ahead] = await Promise.all([queue.estimateMs(job), queue.ahead(job)]);
  response.setHeader('Cache-Control', 'no-store');
  response.json(jobAnswer(job, { estimateMs, ahead }));
}

function resultOf(job: Job): NonNullable<Job['result']> {
  switch (job.state) {
    case 'waiting':
    case 'running':
      throw new ServiceError(
        'job_not_ended',
        say`Cannot answer: the job is ${ours(job.state)}; ask again, or follow /v1/jobs/${ours(job.id)}/events.`,
        { retryAfterMs: 1000 },
      );
    case 'cancelled':
      throw new ServiceError('job_cancelled', say`Cannot answer: the job was cancelled; send the request again.`);
    case 'failed':
      throw failedBefore(job);
    case 'done':
      return job.result ?? { files: [], facts: {} };
  }
}
