import type { Express, Request, Response } from 'express';
import { answerError } from '../../http/answer-error.ts';
import { beginTrace, type RequestTracing } from '../../http/trace-request.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Budgets } from '../access/budgets.ts';
import type { Client } from '../access/clients.ts';
import { serviceRoutes } from '../routes.ts';
import { type InferHandler, neverNext } from './infer.ts';

/** The whole API: Express, and before it the one path that is asked too often to be routed. */
export type ServedApp = {
  readonly express: Express;
  /** Whether it has taken the request. */
  readonly straight: (request: Request, response: Response) => boolean;
  readonly budgets: Budgets;
};

/**
 * Inference without the router: its middleware, patterns and parameters are a fifth of the time of
 * a small one. It takes only the plain form of the two paths, letter by letter; whatever else the
 * routes would match (percent-encoding, a query, a slash at the end) goes the long way to the same
 * handler.
 */
export function inferStraight(
  tracing: RequestTracing | undefined,
  access: AccessControl,
  handler: InferHandler,
): ServedApp['straight'] {
  return (request, response) => {
    if (request.method !== 'POST') return false;
    const path = plainPath.exec(request.url);
    if (!path) return false;
    const [, model = '', version] = path;
    const route = version === undefined ? '/v2/models/:model/infer' : '/v2/models/:model/versions/:version/infer';
    beginTrace(tracing, request, response).route = route;
    let client: Client | undefined;
    try {
      client = access.admit(serviceRoutes[route].post, request, response, model);
    } catch (error) {
      answerError(error, request, response, neverNext);
      return true;
    }
    handler(request, response, { model, version }, client!);
    return true;
  };
}

const plainPath = /^\/v2\/models\/([A-Za-z0-9_.-]+)(?:\/versions\/([A-Za-z0-9_.-]+))?\/infer$/;
