import { failures, ServiceError } from '../../errors.ts';
import type { Job } from '../../jobs/job.ts';
import { ours, Sentence, say } from '../../sentence.ts';

/** The failure that a job ended with, for the request that made the job and waited for it. */
export function failureOf(job: Job): ServiceError {
  const { code, sentence } = failureIn(job);
  return new ServiceError(code, sentence);
}

/**
 * The same failure for a later request, which is not at fault and carries nothing too large or
 * wrong.
 */
export function failedBefore(job: Job): ServiceError {
  const { code, sentence } = failureIn(job);
  return new ServiceError('job_failed', say`Cannot answer: the job failed with ${ours(code)}. ${sentence}`);
}

function failureIn({ failure }: Job) {
  if (!failure) return { code: 'internal', sentence: say`The job failed.` } as const;
  const { code, message, recorded = failures[code].means } = failure;
  return { code, sentence: new Sentence(message, recorded) };
}
