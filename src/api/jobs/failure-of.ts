import { failures, ServiceError } from '../../errors.ts';
import type { Job } from '../../jobs/job.ts';
import { Sentence, say } from '../../sentence.ts';

/** The failure that a job ended with, for whoever asks for its result. */
export function failureOf({ failure }: Job): ServiceError {
  if (!failure) return new ServiceError('internal', say`The job failed.`);
  const { code, message, recorded = failures[code].means } = failure;
  return new ServiceError(code, new Sentence(message, recorded));
}
