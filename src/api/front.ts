import type { Express, Request, Response } from 'express';
import { answerFailure } from '../http/answer-error.ts';
import type { ServedApp } from '../http/served-app.ts';
import { beginTrace, type RequestTracing } from '../http/trace-request.ts';
import type { RequestTrace } from '../observe/request-trace.ts';
import type { Identities } from './access/identity/identities.ts';
import type { InferHandler, InferTarget } from './inference/infer.ts';
import type { InferForm } from './open-inference/infer-call.ts';

type FrontParts = {
  readonly tracing: RequestTracing | undefined;
  readonly identities: Identities | undefined;
  readonly infer: InferHandler;
  readonly express: Express;
};

/** Where every request comes in: inferences go to their handler, everything else to Express. */
export function front({ tracing, identities, infer, express }: FrontParts): ServedApp['serve'] {
  let lastUrl = '';
  let last: InferTarget | undefined;
  return (request, response) => {
    const trace = beginTrace(tracing, request, response);
    const looking = identities?.look(request);
    if (looking === undefined) route(request, response, trace);
    else
      looking
        .then(() => route(request, response, trace))
        .catch((error: unknown) => answerFailure(error, request, response));
  };

  function route(request: Request, response: Response, trace: RequestTrace): void {
    // Most requests ask for what the one before asked for: its URL is compared, not taken apart.
    if (request.url !== lastUrl) {
      last = targetOf(request.url);
      lastUrl = request.url;
    }
    if (last === undefined) express(request, response);
    else infer(request, response, trace, last);
  }
}

/** Undefined for what is no inference. */
function targetOf(url: string): InferTarget | undefined {
  const path = plainPath.exec(url) ?? oddPath.exec(url);
  if (path === null) return undefined;
  return { model: path[1]!, version: path[2], form: path[3]!.toLowerCase() as InferForm };
}

const plainPath =
  /^\/v2\/models\/([A-Za-z0-9_.-]+)(?:\/versions\/([A-Za-z0-9_.-]+))?\/(infer|generate|generate_stream)$/;
/** The same as a router would read it: whole URLs, queries, other letters, a slash at the end. */
const oddPath =
  /^(?:https?:\/\/[^/?#]*)?\/v2\/models\/([^/?#]+)(?:\/versions\/([^/?#]+))?\/(infer|generate|generate_stream)\/?(?:[?#].*)?$/i;
