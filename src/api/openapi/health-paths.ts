import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { failing, file, json } from './answers.ts';

/** What needs no key: probes, and this description. */
export function healthPaths(): ZodOpenApiPathsObject {
  return {
    '/live': { get: get('live', 'The process works; 503 asks to replace it') },
    '/ready': { get: get('ready', 'The service takes work') },
    '/health': { get: get('health', 'How it is, in a few words') },
    '/health/detailed': { get: get('healthDetailed', 'Everything there is to know') },
    '/metrics': {
      get: {
        operationId: 'metrics',
        tags: ['health'],
        summary: 'Says where the metrics are: not here',
        responses: { '404': file('A sentence.', 'text/plain') },
      },
    },
    '/openapi.json': { get: get('openApi', 'This description') },
    '/docs': {
      get: {
        operationId: 'docs',
        tags: ['health'],
        summary: 'This description as a page',
        responses: { '200': file('The page.', 'text/html') },
      },
    },
  };
}

function get(operationId: string, summary: string): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: ['health'],
    summary,
    security: [],
    responses: { '200': json('As asked.'), ...failing('not_ready') },
  };
}
