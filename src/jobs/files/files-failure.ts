import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

export function filesUnreachable(why: string, cause: unknown): ServiceError {
  return new ServiceError(
    'files_unreachable',
    say`Cannot use the files of jobs: ${ours(why)}; jobs wait for it. Look at VITRINE_FILES and what it names, and send the request again.`,
    { cause, retryAfterMs: 10_000 },
  );
}

export function filesMissing(cause: unknown): ServiceError {
  return new ServiceError(
    'files_missing',
    say`Cannot go on: a file of the job is not in VITRINE_FILES, or is not what was put there; send the request again.`,
    { cause },
  );
}
