import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import { isUninvited } from './await-invitation.ts';
import { setCommonHead } from './common-head.ts';
import { failureFields } from './failure-body.ts';
import { knownMethod } from './known-method.ts';
import { failureHeader, isPassed } from './passed-request.ts';
import { recordFailure } from './record-failure.ts';
import { requestTrace } from './trace-request.ts';

/** `routes`: where to see which there are. */
export function answerNotFound(routes: string): RequestHandler {
  return () => {
    throw new ServiceError('not_found', say`Cannot answer: no route has this path; ${ours(routes)}.`);
  };
}

/** For the verbs that a path does not take; `handlers` are those that it does. */
export function answerMethodNotAllowed(handlers: { get?: unknown; post?: unknown; delete?: unknown }): RequestHandler {
  const allowed = [
    ...(handlers.get ? ['GET', 'HEAD'] : []),
    ...(handlers.post ? ['POST'] : []),
    ...(handlers.delete ? ['DELETE'] : []),
  ].join(', ');
  return (request, response) => refuseMethod(request, response, allowed);
}

export function refuseMethod(request: Request, response: Response, allowed: string): never {
  response.setHeader('Allow', allowed);
  throw new ServiceError(
    'method_not_allowed',
    say`Cannot answer: this path takes no ${ours(knownMethod(request.method))}; use ${ours(allowed)}.`,
  );
}

/** For what Express serves. */
export const answerError: ErrorRequestHandler = (thrown, request, response, _next) =>
  answerFailure(thrown, request, response);

/** The one place where a failure becomes an answer: every throw ends here. */
export function answerFailure(thrown: unknown, request: Request, response: Response): void {
  const error = recordFailure(thrown, request, requestTrace(response), {
    isGone: request.socket.destroyed,
    // Where the head has gone out, or nobody is there, no other status is sent.
    isDecided: response.headersSent || hasLeft(request),
  });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  setCommonHead(response);
  if (isPassed(request)) response.setHeader(failureHeader, error.code);
  if (error.retryAfterMs !== undefined)
    response.setHeader('Retry-After', Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  if (error.code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer');
  const body = Buffer.from(
    JSON.stringify(failureFields(error.code, error.message, requestTrace(response).ids.traceId)),
  );
  response.statusCode = error.status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', body.length);
  if (mayBeReadToItsEnd(request)) response.end(request.method === 'HEAD' ? undefined : body);
  else endLingering(request, response, body);
}

/** The connection is gone, or ended before the body did. */
function hasLeft(request: Request): boolean {
  return request.socket.destroyed || (request.destroyed && !request.complete);
}

/** A small body that was not read is passed over by Node, and the connection goes on. */
function mayBeReadToItsEnd(request: Request): boolean {
  if (request.complete) return true;
  if (isUninvited(request)) return false;
  const declared = request.headers['content-length'];
  if (declared === undefined) return request.headers['transfer-encoding'] === undefined;
  return Number(declared) <= passedOverBytesMax && !request.destroyed;
}

const passedOverBytesMax = 64 * 1024;
const lingerMs = 2000;

/**
 * Answers while the caller is still sending. Closing at once would reset the connection, and many
 * callers would never see why: so the answer is sent, what still comes is thrown away for a while,
 * and then the connection is closed.
 */
function endLingering(request: Request, response: Response, body: Buffer): void {
  response.setHeader('Connection', 'close');
  response.write(body);
  const end = () => {
    clearTimeout(overtime);
    response.end();
  };
  const overtime = setTimeout(end, lingerMs).unref();
  request.once('end', end);
  request.once('close', end);
  request.resume();
}
