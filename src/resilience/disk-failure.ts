import { ServiceError } from '../errors.ts';

/** Runs what writes to VITRINE_DATA; a full disk becomes a failure that says so, and everything else stays what it is. */
export async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asDiskFailure(error);
  }
}

export function asDiskFailure(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EROFS') return error;
  return new ServiceError(
    'not_kept',
    'Cannot take this now: the disk of VITRINE_DATA is full or cannot be written; free it and send the request again.',
    { cause: error, retryAfterMs: 10_000 },
  );
}
