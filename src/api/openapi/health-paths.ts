import { z } from 'zod';
import { failureAnswer, file, json } from './answers.ts';
import type { Described, DescribedPaths } from './describe-routes.ts';

/** What needs no key: probes, and this description. */
export function healthPaths(): DescribedPaths {
  return {
    '/live': { get: { ...get('live', 'The process works; 503 asks to replace it'), fails: ['not_ready'] } },
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
    '/docs/{file}': {
      get: {
        operationId: 'docsFile',
        tags: ['health'],
        summary: 'A file of that page',
        requestParams: { path: z.object({ file: z.string().meta({ example: 'start.js' }) }) },
        responses: { '200': file('The file.', 'text/javascript', 'text/css', 'image/png') },
        fails: ['not_found'],
      },
    },
  };
}

/** The state, with 200 or with 503. */
function get(operationId: string, summary: string): Described {
  return {
    operationId,
    tags: ['health'],
    summary,
    responses: {
      '200': json('As asked.'),
      '503': json('The same, where it is not fit; or a failure.', z.union([failureAnswer, z.looseObject({})])),
    },
  };
}
