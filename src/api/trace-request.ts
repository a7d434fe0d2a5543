import {
  type Context,
  defaultTextMapGetter,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Request, RequestHandler, Response } from 'express';
import { type FailureCode, failures } from '../errors.ts';
import { type LogFields, log } from '../telemetry/logger.ts';
import { counter, histogram } from '../telemetry/metrics.ts';
import { scopeName } from '../telemetry/names.ts';
import { type Ids, newIds, withIds } from '../telemetry/preset-ids.ts';
import { knownMethod } from './answer-error.ts';

export type RequestTrace = {
  readonly ids: Ids;
  readonly requestId: string;
  /** For log lines of this request. */
  readonly context: Context;
  /** Set by whoever answers with a failure. */
  failure: FailureCode | undefined;
};

export function requestTrace(response: Response): RequestTrace {
  return response.locals.trace as RequestTrace;
}

/**
 * Gives every request its ids at its first byte, and its span, metrics and log line when it has ended. Nothing the caller wrote is recorded but
 * a well-formed request id and trace context: no headers, no query, no path that is not a route of ours.
 */
export function traceRequest(): RequestHandler {
  const requests = counter('httpRequests');
  const seconds = histogram('httpRequestSeconds');
  return (request, response, next) => {
    const startedAtMs = Date.now();
    const startedAt = performance.now();
    const parent = propagation.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
    const parentSpan = trace.getSpanContext(parent);
    const ids: Ids = parentSpan ? { ...newIds(), traceId: parentSpan.traceId } : newIds();
    const requestId = wellFormed(request.get('x-request-id')) ?? ids.traceId;
    const context = trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED });
    const told: RequestTrace = { ids, requestId, context, failure: undefined };
    response.locals.trace = told;
    response.setHeader('X-Request-Id', requestId);
    response.setHeader('traceresponse', `00-${ids.traceId}-${ids.spanId}-01`);
    response.once('close', () => {
      const tookMs = performance.now() - startedAt;
      const method = knownMethod(request.method);
      const endpoint = routeOf(request);
      // A caller who left before the answer was complete got no status of ours; 499 is what proxies call it.
      const status = response.writableFinished ? response.statusCode : 499;
      requests.add(1, { method, endpoint, status: String(status) });
      seconds.record(tookMs / 1000, { method, endpoint });
      makeSpan({ request, told, parent, method, endpoint, status, startedAtMs, tookMs });
      log(
        'access',
        levelFor(status),
        `${method} ${endpoint} ${status} ${tookMs.toFixed(1)} ms`,
        accessFields(),
        context,
      );

      function accessFields(): LogFields {
        return {
          event_type: 'http_request',
          'request.id': requestId,
          'http.request.method': method,
          'http.route': endpoint,
          'http.response.status_code': status,
          duration_ms: Math.round(tookMs * 1000) / 1000,
          'error.type': told.failure,
        };
      }
    });
    next();
  };
}

function makeSpan(of: {
  request: Request;
  told: RequestTrace;
  parent: Context;
  method: string;
  endpoint: string;
  status: number;
  startedAtMs: number;
  tookMs: number;
}): void {
  const { request, told, parent, method, endpoint, status, startedAtMs, tookMs } = of;
  const span = withIds(told.ids, () =>
    trace.getTracer(scopeName).startSpan(
      `${method} ${endpoint}`,
      {
        kind: SpanKind.SERVER,
        startTime: startedAtMs,
        attributes: {
          'http.request.method': method,
          'http.route': endpoint,
          'http.response.status_code': status,
          'url.scheme': 'http',
          'network.protocol.version': request.httpVersion,
          'request.id': told.requestId,
          ...(told.failure && { 'error.type': told.failure }),
        },
      },
      parent,
    ),
  );
  // By the conventions, a server span is an error only when the server is at fault.
  if (status >= 500)
    span.setStatus({ code: SpanStatusCode.ERROR, ...(told.failure && { message: failures[told.failure].means }) });
  span.end(startedAtMs + tookMs);
}

function routeOf(request: Request): string {
  const route: unknown = request.route?.path;
  return typeof route === 'string' ? route : 'unmatched';
}

function levelFor(status: number): 'info' | 'warn' | 'error' {
  return status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info';
}

function wellFormed(requestId: string | undefined): string | undefined {
  return requestId !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(requestId) ? requestId : undefined;
}
