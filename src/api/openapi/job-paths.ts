import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { failing, file, json } from './answers.ts';

export const jobSchema = z
  .looseObject({
    id: z.string(),
    kind: z.string(),
    state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    progress: z
      .looseObject({ done: z.number(), total: z.number(), step: z.string(), ratio: z.number().optional() })
      .optional(),
    links: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Job' });

const path = z.object({ id: z.string().describe('The job’s id.') });
const withId = { requestParams: { path } };
const known = failing('unauthorized', 'job_not_found');

/** /v1/jobs */
export function jobPaths(): ZodOpenApiPathsObject {
  const of = (operationId: string, summary: string) => ({ operationId, summary, tags: ['jobs'] });
  return {
    '/v1/jobs': {
      get: {
        ...of('listJobs', 'Your jobs, the newest first'),
        requestParams: {
          query: z.object({
            limit: z.string().optional(),
            before: z.string().optional(),
            before_id: z.string().optional(),
          }),
        },
        responses: {
          '200': json('Jobs.', z.object({ jobs: z.array(jobSchema), next: z.string().optional() })),
          ...failing('invalid_request', 'unauthorized'),
        },
      },
    },
    '/v1/jobs/{id}': {
      get: {
        ...of('showJob', 'State, progress, estimate, links'),
        ...withId,
        responses: { '200': json('The job.', jobSchema), ...known },
      },
      delete: {
        ...of('deleteJob', 'Forget a job and its result'),
        ...withId,
        responses: {
          '204': { description: 'Forgotten.' },
          '202': json('It is being cancelled first.', jobSchema),
          ...known,
        },
      },
    },
    '/v1/jobs/{id}/events': {
      get: {
        ...of('followJob', 'Follow a job'),
        ...withId,
        responses: {
          '200': file('Server-sent events `state` and `progress`.', 'text/event-stream'),
          '204': { description: 'Nothing more will come.' },
          ...known,
          ...failing('busy'),
        },
      },
    },
    '/v1/jobs/{id}/cancel': {
      post: {
        ...of('cancelJob', 'Cancel a job'),
        ...withId,
        responses: {
          '200': json('It has ended.', jobSchema),
          '202': json('It is being given up.', jobSchema),
          ...known,
        },
      },
    },
    '/v1/jobs/{id}/result': {
      get: {
        ...of('jobResult', 'What the request would have been answered'),
        ...withId,
        responses: {
          '200': file('The result.', 'application/octet-stream'),
          ...known,
          ...failing('job_not_ended', 'job_cancelled'),
        },
      },
    },
    '/v1/jobs/{id}/files/{name}': {
      get: {
        ...of('jobFile', 'One file of the result'),
        requestParams: { path: path.extend({ name: z.string().describe('As the job lists it.') }) },
        responses: {
          '200': file('The file.', 'application/octet-stream'),
          ...known,
          ...failing('job_not_ended', 'job_cancelled'),
        },
      },
    },
  };
}
