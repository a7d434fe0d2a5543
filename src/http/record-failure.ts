import { logRunFailure, withoutValues } from '../engine/registry/onnx-messages.ts';
import { ServiceError } from '../errors.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import { say } from '../sentence.ts';
import type { LogFields } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import { reportDefect } from '../telemetry/report-defect.ts';
import type { Caller } from './caller.ts';
import { logRefusal } from './log-refusal.ts';

/**
 * What a request failed of, by any protocol: in its record, the log and the counters of defects.
 * `isGone`: nobody is there to be answered; `isDecided`: the caller gets no other status any more.
 */
export function recordFailure(
  thrown: unknown,
  request: Caller,
  trace: RequestTrace,
  { isGone, isDecided }: { isGone: boolean; isDecided: boolean },
): ServiceError {
  const error = isGone && isOfConnection(thrown) ? goneWhileSending(thrown) : asServiceError(thrown);
  if (isDecided) trace.failure ??= error.code;
  else trace.decide(error.code);
  trace.sentence ??= error.code === 'inference_failed' ? withoutValues(error.recorded) : error.recorded;
  trace.row?.markFailure({ running: ['inference_failed', 'lane_crashed', 'internal'].includes(error.code) });
  if (error.code === 'internal') reportDefect('request', error.cause, whoAndWhat(trace), trace.context);
  logRefusal(error, request, trace);
  if (error.code === 'inference_failed') {
    const batch = trace.row?.batch;
    const lane = batch && { lane: batch.lane };
    logRunFailure(error.message, { ...whoAndWhat(trace), ...lane }, () => trace.context);
  }
  return error;
}

function whoAndWhat({ requestId, tenant, model }: RequestTrace): LogFields {
  return { [attribute.requestId]: requestId, tenant, ...(model && { model }) };
}

/** What writing to a caller throws that has gone. */
function isOfConnection(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as NodeJS.ErrnoException;
  return code !== undefined && ['ECANCELED', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED'].includes(code);
}

function goneWhileSending(cause: unknown): ServiceError {
  return new ServiceError('caller_gone', say`Cannot send the answer to its end: the caller has gone.`, { cause });
}

function asServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  // Express throws this for a path that cannot be decoded.
  if (thrown instanceof URIError)
    return new ServiceError(
      'invalid_request',
      say`Cannot answer: the path is not valid percent-encoding; correct it.`,
      {
        cause: thrown,
      },
    );
  return new ServiceError(
    'internal',
    say`Cannot answer: a defect in Vitrine; its log has the cause under this trace id.`,
    { cause: thrown },
  );
}
