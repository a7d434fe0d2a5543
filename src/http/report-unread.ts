import { type FailureCode, failures, faultOf, levelOfFault } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';

/** Counts what was answered before it was a request. */
export type UnreadMetrics = { answeredUnread(status: string, code: FailureCode): void };

export function reportUnread(metrics: UnreadMetrics, code: FailureCode, traceId: string): void {
  const { status } = failures[code];
  metrics.answeredUnread(String(status), code);
  log('access', levelOfFault[faultOf(code)], `_OTHER unmatched ${status}`, {
    event_type: 'http_request',
    [attribute.httpStatus]: status,
    [attribute.errorType]: code,
    fault: faultOf(code),
    [attribute.requestId]: traceId,
  });
}
