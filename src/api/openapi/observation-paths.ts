import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { failing, json } from './answers.ts';

/** What the service tells of the requests that it has answered. */
export function observationPaths(): ZodOpenApiPathsObject {
  const of = (operationId: string, summary: string) => ({ operationId, summary, tags: ['requests'] });
  return {
    '/v1/requests': {
      get: {
        ...of('listRequests', 'The last requests: where each spent its time'),
        responses: { '200': json('Requests.'), ...failing('invalid_request', 'unauthorized') },
      },
    },
    '/v1/requests/summary': {
      get: {
        ...of('summarizeRequests', 'Times and counts of the last minutes'),
        responses: { '200': json('By model.'), ...failing('invalid_request', 'unauthorized') },
      },
    },
    '/v1/requests/{id}': {
      get: {
        ...of('showRequest', 'One request: what it waited for and what ran beside it'),
        requestParams: { path: z.object({ id: z.string().describe('Its X-Request-Id or trace id.') }) },
        responses: { '200': json('The request.'), ...failing('unauthorized', 'not_found') },
      },
    },
  };
}
