import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ServiceError } from '../../errors.ts';
import { readHeaders } from '../../http/read-by.ts';
import { requestTrace } from '../../http/trace-request.ts';
import type { Job, NewJob } from '../../jobs/job.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { WorkFolder } from '../../jobs/work-folders.ts';
import { say } from '../../sentence.ts';
import type { TaskRequest } from '../../tasks/task-types.ts';
import { log } from '../../telemetry/logger.ts';
import { attribute } from '../../telemetry/names/names.ts';
import type { Client } from '../access/clients.ts';
import { taskHeaders } from '../tasks/task-headers.ts';
import { jobAnswer, jobPath } from './job-answer.ts';

/**
 * Whether the caller prefers a job to waiting: `Prefer: respond-async` (RFC 7240), alone or among
 * others.
 */
export function wantsJob(request: Request): boolean {
  const { Prefer: preferences = '' } = readHeaders(taskHeaders, request);
  return preferences.split(',').some((one) => /^\s*respond-async\s*(;|$)/i.test(one));
}

type Accepted = { request: Request; response: Response; client: Client; work: WorkFolder; task: TaskRequest };

/** Takes a task as a job and answers 202. */
export async function acceptJob({ jobs }: { jobs: JobQueue }, of: Accepted): Promise<void> {
  const { response } = of;
  const job = await addJob({ jobs }, of);
  response.setHeader('Location', jobPath(job.id));
  response.setHeader('Preference-Applied', 'respond-async');
  response.setHeader('Retry-After', '1');
  response.status(202).json(jobAnswer(job, { estimateMs: await jobs.estimateMs(job) }));
}

/**
 * Takes a task as a job: from then on it will be done, whatever becomes of this process. The
 * uploads lie in `work`, which the job takes over; where the job is known already
 * (Idempotency-Key), `work` stays its owner's to remove.
 */
export async function addJob({ jobs }: { jobs: JobQueue }, of: Accepted): Promise<Job> {
  const { request, response, client, work } = of;
  const placed = {
    ...of.task,
    files: of.task.files.map((file) => ({ ...file, path: relative(work.path, file.path) })),
  };
  const key = readHeaders(taskHeaders, request)['Idempotency-Key'];
  const idempotency = key === undefined ? undefined : { key, fingerprint: await fingerprintOf(of.task) };
  work.claimForJob();
  const { files } = jobs;
  const task = await files.keepUploads(work.id, work.path, placed);
  // Once the job is there, this process may work on it at once, in a folder of the same name.
  if (files.isShared) await work.removeNow();
  const trace = requestTrace(response);
  const { traceId, spanId } = trace.ids;
  const added = await jobs
    .add({
      id: work.id,
      tenant: client.tenant,
      request: task,
      madeBy: { traceId, spanId },
      idempotency,
    } satisfies Omit<NewJob, 'createdMs' | 'trace'>)
    .catch(async (error: unknown) => {
      // A database that was lost may have taken the job: then its files are needed, else they are removed
      // by age.
      const isKnown = !(error instanceof ServiceError && error.code === 'database_unreachable');
      if (isKnown) await files.removeUploads(work.id);
      throw error;
    });
  if (added.kind !== 'added') await files.removeUploads(work.id);
  switch (added.kind) {
    case 'full':
      throw new ServiceError(
        'queue_full',
        added.what === 'all'
          ? say`Cannot take the job: ${added.count} jobs and results are kept; delete those you are done with (DELETE /v1/jobs/{id}), or raise VITRINE_JOBS_MAX.`
          : say`Cannot take the job: ${added.count} jobs of this caller have not ended; come again, or raise VITRINE_JOBS_OF_TENANT_MAX.`,
        { retryAfterMs: 10_000 },
      );
    case 'key_reused':
      throw new ServiceError(
        'idempotency_key_reused',
        say`Cannot take the job: its Idempotency-Key was sent before with another request; send a new key, or the same request again.`,
      );
    case 'known':
      break;
    case 'added':
      if (!files.isShared) work.keepForJob();
      log(
        'app',
        'info',
        `A job was accepted: ${task.kind}`,
        { event_type: 'job_accepted', [attribute.jobId]: work.id, kind: task.kind, tenant: client.tenant },
        trace.context,
      );
  }
  return added.job;
}

/**
 * The same for the same kind, parameters and file contents, whatever the order of the parameters.
 */
async function fingerprintOf({ kind, parameters, files }: TaskRequest): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([kind, sorted(parameters)]));
  for (const { field, name, path, sizeBytes } of files) {
    hash.update(JSON.stringify([field, name, sizeBytes]));
    await pipeline(createReadStream(path), hash, { end: false });
  }
  return hash.digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  );
}
