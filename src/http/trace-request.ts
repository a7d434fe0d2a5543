import type { Request, RequestHandler, Response } from 'express';
import { failures } from '../errors.ts';
import { endRequest, type RequestEnds } from '../observe/end-request.ts';
import { RequestRow } from '../observe/flight/request-row.ts';
import type { RequestTable } from '../observe/flight/request-table.ts';
import { RequestTrace } from '../observe/request-trace.ts';
import type { MeasuredAnswer } from './extend-messages.ts';
import { knownMethod } from './known-method.ts';
import { routeOf } from './route-of.ts';

export type RequestTracing = RequestEnds & { readonly table: RequestTable };

/** `answered`: a response, or another object that beginTrace or its like gave a trace. */
export function requestTrace(answered: object): RequestTrace {
  return (answered as TracedResponse).trace;
}

/** Says where the time of the request went, for answers that write no headers of their own. */
export function recordStages(response: Response): void {
  const { row } = requestTrace(response);
  if (row) response.setHeader('Server-Timing', row.taskTiming());
}

type TracedResponse = Response & { trace: RequestTrace };

/**
 * Gives every request its ids and its row at its first byte, and ends both with its connection.
 * Nothing the caller wrote is recorded but a well-formed request id and trace context: no headers,
 * no query, no path that is not a route of ours. Without `tracing` all telemetry is off: ids are
 * all there is.
 */
export function beginTrace(tracing: RequestTracing | undefined, request: Request, response: Response): RequestTrace {
  const row = tracing && new RequestRow(tracing.table);
  const trace = new RequestTrace(knownMethod(request.method), request.headers, row);
  tracing?.metrics.began(trace.method);
  (response as TracedResponse).trace = trace;
  // One listener for all who want to know.
  response.on('close', () => {
    const answered = response.writableFinished;
    trace.guest?.left(answered);
    if (!tracing || !row) return;
    if (!answered && trace.streamingAt === undefined) trace.failure ??= 'caller_gone';
    // Who left before anything was decided got no status of ours; 499 is what proxies call it.
    if (row.status === 0) row.status = response.headersSent ? response.statusCode : failures.caller_gone.status;
    if (trace.route === '') trace.route = routeOf(request);
    row.answerBytes = (response as unknown as MeasuredAnswer).answerBytes;
    endRequest(tracing, trace, row, request.httpVersion);
    trace.row = undefined;
    row.release();
  });
  return trace;
}

/** For what goes through the router. */
export function traceRequest(tracing: RequestTracing | undefined): RequestHandler {
  return (request, response, next) => {
    beginTrace(tracing, request, response);
    next();
  };
}
