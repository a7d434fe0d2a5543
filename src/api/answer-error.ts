import type { ErrorRequestHandler, RequestHandler } from 'express';
import { ServiceError } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import { requestTrace } from './trace-request.ts';

export const answerNotFound: RequestHandler = () => {
  throw new ServiceError('not_found', 'Cannot answer: no route has this path; GET /v2 says what there is.');
};

export const answerMethodNotAllowed: RequestHandler = (request) => {
  throw new ServiceError(
    'method_not_allowed',
    `Cannot answer: this path takes no ${knownMethod(request.method)}; use GET.`,
  );
};

/** The one place where a failure becomes an answer: every throw, foreseen or not, ends here. */
export const answerError: ErrorRequestHandler = (thrown, _request, response, _next) => {
  const trace = requestTrace(response);
  const error = asServiceError(thrown);
  trace.failure = error.code;
  if (error.code === 'internal') {
    const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause);
    log(
      'app',
      'error',
      `A defect while answering: ${cause}`,
      { event_type: 'defect', 'request.id': trace.requestId },
      trace.context,
    );
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.status(error.status).json({ error: error.message, code: error.code, trace_id: trace.ids.traceId });
};

function asServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  // Express throws this for a path that cannot be decoded.
  if (thrown instanceof URIError)
    return new ServiceError('not_found', 'Cannot answer: the path is not valid percent-encoding.', { cause: thrown });
  return new ServiceError(
    'internal',
    'Cannot answer: a defect in Vitrine; its log has the cause under this trace id.',
    { cause: thrown },
  );
}

/** The method as it may be repeated: what a caller invents does not get into answers or labels. */
export function knownMethod(method: string): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].includes(method) ? method : '_OTHER';
}
