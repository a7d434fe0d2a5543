import type { Request } from 'express';
import type { FailureCode, ServiceError } from '../errors.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import { type LogFields, log } from '../telemetry/logger.ts';
import type { EventName } from '../telemetry/names/events.ts';
import { attribute } from '../telemetry/names/names.ts';
import { routeOf } from './route-of.ts';

/** The failures that the security log records, by its event. */
const events: Partial<Record<FailureCode, EventName>> = {
  unauthorized: 'caller_refused',
  forbidden: 'caller_forbidden',
  rate_limited: 'caller_over_quota',
};

/**
 * A client that guesses keys must not fill the log: above this rate its refusals are summed up in
 * one line a second.
 */
const linesPerSecondMax = 10;
/** Bounds the memory of one second; the addresses beyond it share one sum. */
const addressesMax = 256;

type Refusals = { lines: number; unsaid: number; last: LogFields };

let byAddress = new Map<string, Refusals>();
let summing: NodeJS.Timeout | undefined;

/**
 * Logs a 401, 403 or 429 in the stream `security`. Each of them has a line of its own or is counted
 * in one.
 */
export function logRefusal(error: ServiceError, request: Request, trace: RequestTrace): void {
  const event = events[error.code];
  if (event === undefined) return;
  const address = request.ip ?? 'unknown';
  const fields: LogFields = {
    event_type: event,
    [attribute.errorType]: error.code,
    [attribute.clientAddress]: address,
    tenant: trace.tenant,
    [attribute.httpMethod]: trace.method,
    [attribute.httpRoute]: trace.route || routeOf(request),
    [attribute.requestId]: trace.requestId,
  };
  summing ??= setTimeout(logSums, 1000).unref();
  const key = byAddress.has(address) || byAddress.size < addressesMax ? address : 'others';
  const refusals = byAddress.get(key) ?? { lines: 0, unsaid: 0, last: fields };
  byAddress.set(key, refusals);
  refusals.last = fields;
  if (refusals.lines === linesPerSecondMax) {
    refusals.unsaid += 1;
    return;
  }
  refusals.lines += 1;
  log('security', 'warn', `A caller was refused: ${error.recorded}`, fields, trace.context);
}

/** One line for each address that was refused more often than it has lines. A stop calls it too. */
export function logSums(): void {
  clearTimeout(summing);
  summing = undefined;
  const ended = byAddress;
  byAddress = new Map();
  for (const [key, { unsaid, last }] of ended)
    if (unsaid > 0)
      log(
        'security',
        'warn',
        `A caller was refused ${unsaid} more times within a second; the fields are those of the last`,
        {
          ...last,
          ...(key === 'others' && { [attribute.clientAddress]: 'others' }),
          lines_unsaid: unsaid,
        },
      );
}
