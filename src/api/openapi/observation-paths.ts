import { z } from 'zod';
import { aloneAnswered } from '../requests/alone-answer.ts';
import { batchesAnswered, batchesQuery } from '../requests/batches-answer.ts';
import { blameMatrixAnswered, blameQuery } from '../requests/blame-matrix-answer.ts';
import { compareAnswered, compareAsked } from '../requests/compare-queries.ts';
import { distributionAnswered } from '../requests/distribution.ts';
import { distributionQuery, flightListFilter, flightSummaryQuery, listMax } from '../requests/flight-queries.ts';
import { blameAnswered, whyAnswered } from '../requests/why-answer.ts';
import { whatIfAnswered, whatIfAsked } from '../what-if/what-if-queries.ts';
import { json, jsonBody } from './answers.ts';
import type { DescribedPaths } from './describe-routes.ts';

/**
 * Which of three lists, and how many entries. It is one parameter, since parameters cannot exclude
 * each other.
 */
const order = {
  type: 'object' as const,
  oneOf: Object.entries(listMax).map(([name, most]) => ({
    type: 'object' as const,
    properties: { [name]: { type: 'integer' as const, minimum: 1, maximum: most } },
    required: [name],
    additionalProperties: false,
  })),
};

const requestId = z.object({ id: z.string().describe('Its X-Request-Id or trace id.') });

/** What the service says about answered requests. */
export function observationPaths(): DescribedPaths {
  const of = (operationId: string, summary: string) => ({ operationId, summary, tags: ['requests'] });
  return {
    '/v1/requests': {
      get: {
        ...of('listRequests', 'The last requests: where each spent its time'),
        requestParams: { query: flightListFilter },
        parameters: [
          {
            name: 'order',
            in: 'query',
            style: 'form',
            explode: true,
            description: 'recent=20, failed=20 or slowest=20: which requests, and how many; recent=20 when left out.',
            schema: order,
          },
        ],
        responses: {
          '200': {
            ...json(
              'Requests.',
              z.looseObject({ order: z.string(), minutes: z.int(), requests: z.array(z.looseObject({})) }),
            ),
            links: {
              showRequest: { operationId: 'showRequest', parameters: { id: '$response.body#/requests/0/request_id' } },
            },
          },
        },
        fails: ['not_found'],
      },
    },
    '/v1/requests/summary': {
      get: {
        ...of('summarizeRequests', 'Times and counts of the last minutes'),
        requestParams: { query: flightSummaryQuery },
        responses: { '200': json('By model.', z.looseObject({ models: z.array(z.looseObject({})) })) },
        fails: ['not_found'],
      },
    },
    ...countPaths(of),
    ...whyPaths(of),
    '/v1/requests/{id}': {
      get: {
        ...of('showRequest', 'One request: what it waited for and what ran beside it'),
        requestParams: { path: requestId },
        responses: { '200': json('The request.') },
        fails: ['not_found', 'request_not_found'],
      },
    },
  };
}

type Described = (operationId: string, summary: string) => { operationId: string; summary: string; tags: string[] };

function countPaths(of: Described): DescribedPaths {
  return {
    '/v1/requests/distribution': {
      get: {
        ...of('distributeRequests', 'When requests ended and how long they took: a grid of counts, and by word'),
        requestParams: { query: distributionQuery },
        responses: { '200': json('The counts.', distributionAnswered) },
        fails: ['not_found', 'invalid_request'],
      },
    },
    '/v1/batches': {
      get: {
        ...of('listBatches', 'What ran in the lanes, the newest first'),
        requestParams: { query: batchesQuery },
        responses: { '200': json('Batches and loads.', batchesAnswered) },
        fails: ['not_found', 'invalid_request'],
      },
    },
  };
}

function whyPaths(of: Described): DescribedPaths {
  return {
    '/v1/requests/compare': {
      post: {
        ...of('compareRequests', 'What parts two sets of remembered requests, the clearest difference first'),
        requestBody: jsonBody('The two sets.', compareAsked),
        responses: { '200': json('The differences.', compareAnswered) },
        fails: ['not_found', 'invalid_request', 'invalid_body'],
      },
    },
    '/v1/blame': {
      get: {
        ...of('showBlame', 'Who made whom wait, over a time: by tenant or by model'),
        requestParams: { query: blameQuery },
        responses: { '200': json('The matrix, as a list of its cells.', blameMatrixAnswered) },
        fails: ['not_found', 'invalid_request'],
      },
    },
    '/v1/what-if': {
      post: {
        ...of('replayWhatIf', 'What recorded arrivals would have met with other settings of their model'),
        requestBody: jsonBody('The model, and what is other.', whatIfAsked),
        responses: { '200': json('Percentiles, refusals and use of lanes, beside what was.', whatIfAnswered) },
        fails: [
          ...(['not_found', 'invalid_body', 'request_not_found', 'model_not_found', 'model_not_ready'] as const),
          ...(['forbidden', 'busy', 'deadline_exceeded', 'caller_gone'] as const),
        ],
      },
    },
    '/v1/requests/{id}/why': {
      get: {
        ...of('explainRequest', 'Why a request took as long as it did, or failed: in one sentence, with proof'),
        requestParams: { path: requestId },
        responses: { '200': json('The answer.', whyAnswered) },
        fails: ['not_found', 'request_not_found'],
      },
    },
    '/v1/requests/{id}/blame': {
      get: {
        ...of('blameForRequest', 'Who held the lanes while a request waited'),
        requestParams: { path: requestId },
        responses: { '200': json('Who, and for how long.', blameAnswered) },
        fails: ['not_found', 'request_not_found'],
      },
    },
    '/v1/requests/{id}/alone': {
      post: {
        ...of('runOneAlone', 'Runs inputs of the same shapes now, alone: an administrator, or a key that may profile'),
        requestParams: { path: requestId },
        responses: { '200': json('What it takes alone, beside what it took.', aloneAnswered) },
        fails: [
          ...(['not_found', 'request_not_found', 'invalid_request', 'forbidden', 'busy'] as const),
          ...(['inference_failed', 'invalid_model', 'lane_crashed', 'model_not_found'] as const),
          ...(['model_not_ready', 'model_load_timeout'] as const),
        ],
      },
    },
  };
}
