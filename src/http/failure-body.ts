import type { FailureCode } from '../errors.ts';

/** A failure as every answer says it, in JSON. */
export function failureFields(code: FailureCode, message: string, traceId: string) {
  return { error: message, code, trace_id: traceId };
}
