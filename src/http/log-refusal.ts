import type { FailureCode, ServiceError } from '../errors.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import type { EventName } from '../telemetry/names/events.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Caller } from './caller.ts';
import { logOrSum } from './log-or-sum.ts';
import { routeOf } from './route-of.ts';

/** The failures that the security log records, by its event. */
const events: Partial<Record<FailureCode, EventName>> = {
  unauthorized: 'caller_refused',
  forbidden: 'caller_forbidden',
  rate_limited: 'caller_over_quota',
};

/**
 * Logs a 401, 403 or 429 in the stream `security`. Each of them has a line of its own or is counted
 * in one.
 */
export function logRefusal(error: ServiceError, request: Caller, trace: RequestTrace): void {
  const event = events[error.code];
  if (event === undefined) return;
  const address = request.ip ?? 'unknown';
  logOrSum(
    `A caller was refused: ${error.recorded}`,
    {
      event_type: event,
      [attribute.errorType]: error.code,
      [attribute.clientAddress]: address,
      tenant: trace.tenant,
      [attribute.httpMethod]: trace.method,
      [attribute.httpRoute]: trace.route || routeOf(request),
      [attribute.requestId]: trace.requestId,
    },
    address,
    trace.context,
  );
}
