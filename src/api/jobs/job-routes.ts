import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { hasEnded, type Job } from '../../jobs/job.ts';
import type { JobRunner } from '../../jobs/job-runner.ts';
import type { WorkFolders } from '../../jobs/work-folders.ts';
import { ours, say } from '../../sentence.ts';
import type { Client } from '../clients.ts';
import { failureOf } from './failure-of.ts';
import { jobAnswer } from './job-answer.ts';
import { sendKeptFile } from './send-kept-file.ts';

export type JobParts = { config: Config; jobs: JobRunner; workFolders: WorkFolders };

/** GET /v1/jobs: the caller's own, the newest first; all of them for the administrator. `?before=` takes the time that the page before ended with, `?before_id=` the id: several may be of one time. */
export function listJobs({ jobs: runner }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const limit = wholeQuery(request, 'limit', 1, listMax, 100);
    const beforeMs = timeQuery(request, 'before') ?? Number.MAX_SAFE_INTEGER;
    const behindId = idQuery(request, 'before_id');
    const jobs = await runner.list({ tenant: client.admin ? undefined : client.tenant, beforeMs, behindId, limit });
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
export function showJob({ jobs: runner }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    await answerJob(runner, await findOwn(runner, client, request), response);
  };
}

/** POST /v1/jobs/{id}/cancel: what waits never begins, what runs is given up. 202 while it is being given up. */
export function cancelJob({ jobs: runner }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const own = await findOwn(runner, client, request);
    const job = (await runner.cancel(own.id)) ?? own;
    if (!hasEnded(job)) response.status(202);
    await answerJob(runner, job, response);
  };
}

/** DELETE /v1/jobs/{id}: forgets an ended job and its result; one that has not ended is cancelled, and forgotten in its time. */
export function deleteJob({ jobs: runner }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const own = await findOwn(runner, client, request);
    const job = hasEnded(own) ? own : ((await runner.cancel(own.id)) ?? own);
    if (hasEnded(job) && (await runner.remove(job.id))) {
      response.status(204).end();
      return;
    }
    response.status(202);
    await answerJob(runner, job, response);
  };
}

/** GET /v1/jobs/{id}/result: what the request would have been answered, failure included. */
export function jobResult({ config, jobs: runner, workFolders: folders }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const job = await findOwn(runner, client, request);
    const [file] = resultOf(job).files;
    if (!file) throw new ServiceError('not_found', say`Cannot answer: the job has left no file.`);
    await sendKeptFile(response, folders.resultPathOf(job.id), file, config);
  };
}

/** GET /v1/jobs/{id}/files/{name}: one file of the result. */
export function jobFile({ config, jobs: runner, workFolders: folders }: JobParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const job = await findOwn(runner, client, request);
    const { files } = resultOf(job);
    // The name is looked up, never joined to a path as it came.
    const file = files.find(({ name }) => name === request.params.name);
    if (!file)
      throw new ServiceError(
        'not_found',
        say`Cannot answer: the job has no file of this name; it has ${files.map(({ name }) => name).join(', ')}.`,
      );
    await sendKeptFile(response, folders.resultPathOf(job.id), file, config);
  };
}

/** The job, if the caller may see it. Whoever may not is told the same as where there is none. */
export async function findOwn(runner: JobRunner, client: Client, request: Request): Promise<Job> {
  const { id } = request.params as { id: string };
  const job = jobId.test(id) ? await runner.find(id) : undefined;
  if (job && (client.admin || job.tenant === client.tenant)) return job;
  throw new ServiceError(
    'job_not_found',
    say`Cannot answer: there is no such job of this caller; it was deleted, or its time to live (VITRINE_JOB_RESULT_AGE_MS_MAX) is over, or its id is wrong.`,
  );
}

async function answerJob(runner: JobRunner, job: Job, response: Response): Promise<void> {
  const [estimateMs, ahead] = await Promise.all([runner.estimateMs(job), runner.ahead(job)]);
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
      throw failureOf(job);
    case 'done':
      return job.result ?? { files: [], facts: {} };
  }
}

const listMax = 1_000;
const jobId = /^[0-9a-f-]{36}$/;

function idQuery(request: Request, name: string): string | undefined {
  const given = request.query[name];
  if (given === undefined) return undefined;
  if (typeof given === 'string' && jobId.test(given)) return given;
  throw new ServiceError('invalid_request', `Cannot answer: ${name} is no id of a job.`);
}

function wholeQuery(request: Request, name: string, min: number, max: number, fallback: number): number {
  const given = request.query[name];
  if (given === undefined) return fallback;
  const value = typeof given === 'string' && /^\d{1,9}$/.test(given) ? Number(given) : -1;
  if (value >= min && value <= max) return value;
  throw new ServiceError(
    'invalid_request',
    say`Cannot answer: ${ours(name)} is no whole number from ${min} to ${max}.`,
  );
}

function timeQuery(request: Request, name: string): number | undefined {
  const given = request.query[name];
  if (given === undefined) return undefined;
  const ms = typeof given === 'string' ? Date.parse(given) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new ServiceError('invalid_request', say`Cannot answer: ${ours(name)} is no time like 2026-01-31T12:00:00Z.`);
}
