import type { Context } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { type FailureCode, recordedReason, ServiceError } from '../errors.ts';
import { asDiskFailure } from '../resilience/disk-failure.ts';
import { pauseUnless } from '../resilience/pause-unless.ts';
import { say } from '../sentence.ts';
import type { TaskProgress, TaskResult } from '../tasks/task-types.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import { inSpan } from '../telemetry/spans.ts';
import type { Attempt } from './attempt.ts';
import { endTimes } from './end-times.ts';
import type { JobFiles } from './files/job-files.ts';
import { bytesOf, type GivenBack, type Job, type JobEnd, type JobProgress } from './job.ts';
import type { JobClock, JobStore } from './job-store.ts';
import type { LiveJobs } from './live-jobs.ts';
import { contextOf, fieldsOf } from './log-job.ts';
import type { WorkFolders } from './work-folders.ts';

/** Does the work of one attempt. It settles only when the attempt has stopped. */
export type Perform = (
  job: Job,
  tools: {
    /** The job's own folder, where its uploads lie. */
    readonly work: string;
    /** Of this attempt: scratch, and where results are left. */
    readonly folder: string;
    readonly signal: AbortSignal;
    readonly deadlineAt: number;
    readonly progress: TaskProgress;
    readonly reserve: (bytes: number) => Promise<void>;
    readonly context: Context;
  },
) => Promise<TaskResult>;

export type AttemptParts = {
  readonly config: Pick<Config, 'jobMsMax' | 'jobResultAgeMsMax' | 'retryAttemptsMax' | 'retryWaitMsFirst'>;
  readonly clock: JobClock;
  readonly store: JobStore;
  readonly folders: WorkFolders;
  readonly files: JobFiles;
  readonly live: LiveJobs;
  readonly perform: Perform;
  readonly stopping: AbortSignal;
};

/**
 * One attempt, from its folder to its end in the store. Never rejects. Answers how the job stands
 * then; undefined where the store has not heard of the end: the next start finds the job as
 * running.
 */
export async function runAttempt(attempt: Attempt, parts: AttemptParts): Promise<{ job: Job | undefined } | undefined> {
  const { job } = attempt;
  const { folders, files, live } = parts;
  live.announceState(attempt);
  let outcome: Outcome;
  try {
    const folder = await folders.beginAttempt(job.id, job.attempt);
    // Given up while its folder was made: nobody waits any more.
    attempt.signal.throwIfAborted();
    await files.fetchUploads(job, folders.pathOf(job.id), attempt.signal);
    const result = await performIn(folder, attempt, parts);
    outcome = { state: 'done', result: await files.keepResult(job, result, folder, attempt.signal) };
  } catch (error) {
    outcome = outcomeOf(asDiskFailure(error), attempt, parts.config);
  }
  if (files.isShared) await folders.remove(job.id);
  await folders.endAttempt(job.id, outcome.state === 'done' && !files.isShared ? bytesOf(outcome.result) : 0);
  return outcome.state === 'left' ? undefined : storeOutcome(attempt, outcome, parts);
}

type BackToQueue = { readonly state: 'waiting'; readonly because: GivenBack; readonly waitMs: number };

/** `left`: the store gets no outcome, as if the process had been killed. */
type Outcome = JobEnd | BackToQueue | { readonly state: 'left' };

function performIn(folder: string, attempt: Attempt, parts: AttemptParts): Promise<TaskResult> {
  const { job } = attempt;
  const { config, folders, live, perform } = parts;
  const attributes = { [attribute.jobId]: job.id, [attribute.jobAttempt]: job.attempt, tenant: job.tenant };
  const parent = contextOf(job);
  return inSpan('jobStep', { attributes, parent }, async (span) => {
    const overtime = setTimeout(() => attempt.giveUp('overtime'), config.jobMsMax).unref();
    try {
      return await perform(job, {
        work: folders.pathOf(job.id),
        folder,
        signal: attempt.signal,
        deadlineAt: performance.now() + config.jobMsMax,
        progress: (done, total, step) => {
          const progress = { done, total, step };
          live.announceProgress(attempt, progress);
          storeProgress(attempt, progress, parts.store);
        },
        reserve: (bytes) => folders.reserve(job.id, bytes, job.tenant),
        context: span.context,
      });
    } finally {
      clearTimeout(overtime);
    }
  });
}

const storeProgressEveryMs = 2_000;

/** Only a hint for those who ask after a restart. */
function storeProgress(attempt: Attempt, progress: JobProgress, store: JobStore): void {
  const now = performance.now();
  if (now - attempt.keptAt < storeProgressEveryMs) return;
  attempt.keptAt = now;
  store.progress(attempt.job.id, attempt.job.attempt, progress).catch((error: Error) =>
    log('app', 'debug', `The progress of a job was not kept: ${recordedReason(error)}`, {
      event_type: 'job_progress',
    }),
  );
}

/** Failures that are nobody's fault and pass: room on the disk, a way to it, a place in a queue. */
const shortages: readonly FailureCode[] = ['not_kept', 'busy', 'share_used', 'queue_full', 'files_unreachable'];
const stalledWaitMsMax = 60_000;

function outcomeOf(error: unknown, { job, gaveUp }: Attempt, config: AttemptParts['config']): Outcome {
  switch (gaveUp) {
    case 'cancelled':
      return { state: 'cancelled' };
    case 'stopping':
      return { state: 'waiting', because: 'stopping', waitMs: 0 };
    case 'defect':
    case 'superseded':
      return { state: 'left' };
    case 'overtime':
      return failed(
        new ServiceError(
          'deadline_exceeded',
          say`Cannot finish the job: it took longer than ${config.jobMsMax} ms; send less at once, or raise VITRINE_JOB_MS_MAX.`,
        ),
      );
    case undefined:
  }
  if (!(error instanceof ServiceError)) {
    reportDefect('job', error, { [attribute.jobId]: job.id }, contextOf(job));
    return failed(
      new ServiceError(
        'internal',
        say`Cannot finish the job: a defect in Vitrine; its log has the cause under this trace id.`,
      ),
    );
  }
  const { retryAttemptsMax, retryWaitMsFirst } = config;
  // What is short at the moment says nothing about the job: it waits, however long that takes.
  const stalled = shortages.includes(error.code);
  const again = error.retryable && error.code !== 'deadline_exceeded' && job.failures + 1 < retryAttemptsMax;
  if (!stalled && !again) return failed(error);
  const tried = stalled ? job.stalls : job.failures;
  const waitMs = stalled
    ? Math.min(stalledWaitMsMax, retryWaitMsFirst * 2 ** Math.min(tried, 30))
    : Math.max(retryWaitMsFirst * 2 ** tried, error.retryAfterMs ?? 0);
  log(
    'app',
    'warn',
    `A job ${stalled ? 'could not go on' : 'failed'} and is tried again in ${Math.round(waitMs / 1000)} s: ${error.recorded}`,
    { event_type: 'job_retry', ...fieldsOf(job), [attribute.errorType]: error.code },
    contextOf(job),
  );
  return { state: 'waiting', because: stalled ? 'stalled' : 'failed', waitMs };
}

function failed({ code, message, recorded }: ServiceError): JobEnd {
  return { state: 'failed', failure: { code, message, recorded } };
}

/**
 * The end of an attempt has to get onto the disk: as long as it does not, the job is not over.
 * Undefined when the stop came first.
 */
async function storeOutcome(
  { job }: Attempt,
  outcome: JobEnd | BackToQueue,
  parts: AttemptParts,
): Promise<{ job: Job | undefined } | undefined> {
  const { store, clock, stopping } = parts;
  for (let waitMs = 500; ; waitMs = Math.min(30_000, waitMs * 2)) {
    try {
      const times = endTimes(parts);
      if (outcome.state !== 'waiting') return { job: await store.finish(job.id, job.attempt, outcome, times) };
      const { because } = outcome;
      const notBeforeMs = clock.now() + outcome.waitMs;
      return { job: await store.giveBack(job.id, job.attempt, { because, notBeforeMs, ...times }) };
    } catch (error) {
      log('app', 'error', `The end of a job could not be kept: ${recordedReason(error)}`, {
        event_type: 'job_end_not_kept',
        ...fieldsOf(job),
      });
      if (stopping.aborted) return undefined;
      await pauseUnless(stopping, waitMs);
    }
  }
}
