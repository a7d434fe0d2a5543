import type { Express } from 'express';
import type { ServedApp } from '../http/served-app.ts';
import { beginTrace, type RequestTracing } from '../http/trace-request.ts';
import type { InferHandler } from './inference/infer.ts';

/** Where every request comes in: inferences go to their handler, everything else to Express. */
export function front(tracing: RequestTracing | undefined, infer: InferHandler, express: Express): ServedApp['serve'] {
  return (request, response) => {
    const trace = beginTrace(tracing, request, response);
    const path = plainPath.exec(request.url) ?? oddPath.exec(request.url);
    if (path === null) express(request, response);
    else infer(request, response, trace, { model: path[1]!, version: path[2] });
  };
}

const plainPath = /^\/v2\/models\/([A-Za-z0-9_.-]+)(?:\/versions\/([A-Za-z0-9_.-]+))?\/infer$/;
/** The same as a router would read it: whole URLs, queries, other letters, a slash at the end. */
const oddPath = /^(?:https?:\/\/[^/?#]*)?\/v2\/models\/([^/?#]+)(?:\/versions\/([^/?#]+))?\/infer\/?(?:[?#].*)?$/i;
