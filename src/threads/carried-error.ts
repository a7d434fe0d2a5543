import { type FailureCode, ServiceError } from '../errors.ts';
import { asDiskFailure } from '../resilience/disk-failure.ts';
import { Sentence } from '../sentence.ts';

/** An error loses its class on its way between threads; this is what remains. */
export type CarriedError =
  | {
      readonly code: FailureCode;
      readonly message: string;
      /** The message without the caller's words. */
      readonly recorded: string;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly defect: string };

export function carried(thrown: unknown): CarriedError {
  const error = asDiskFailure(thrown);
  if (error instanceof ServiceError)
    return { code: error.code, message: error.message, recorded: error.recorded, retryAfterMs: error.retryAfterMs };
  return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function uncarried(failure: CarriedError): Error {
  if ('defect' in failure) return new Error(failure.defect);
  const { code, message, recorded, retryAfterMs } = failure;
  return new ServiceError(code, new Sentence(message, recorded), retryAfterMs === undefined ? {} : { retryAfterMs });
}
