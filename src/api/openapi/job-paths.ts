import { z } from 'zod';
import { type FailureCode, failures } from '../../errors.ts';
import { taskKinds } from '../../task-kinds.ts';
import { followHeaders, jobListQuery } from '../jobs/job-queries.ts';
import { file, json } from './answers.ts';
import type { DescribedPaths } from './describe-routes.ts';

export const jobSchema = z
  .looseObject({
    id: z.string(),
    kind: z.enum(taskKinds),
    state: z.enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
    attempt: z.int(),
    created_at: z.iso.datetime(),
    started_at: z.iso.datetime().optional(),
    ended_at: z.iso.datetime().optional(),
    expires_at: z.iso.datetime().optional(),
    trace_id: z.string(),
    progress: z
      .looseObject({ done: z.number(), total: z.number(), step: z.string(), ratio: z.number().optional() })
      .optional(),
    estimate: z.looseObject({ seconds_left: z.number(), ends_at: z.iso.datetime() }).optional(),
    failure: z
      .looseObject({
        code: z.enum(Object.keys(failures) as [FailureCode, ...FailureCode[]]),
        error: z.string(),
      })
      .optional(),
    result: z
      .looseObject({
        facts: z.looseObject({}),
        files: z.array(
          z.looseObject({ name: z.string(), content_type: z.string(), size_bytes: z.int(), href: z.string() }),
        ),
      })
      .optional(),
    links: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Job' });

/** One server-sent event: its data is the job. */
const jobEvent = z.object({ id: z.string(), event: z.enum(['state', 'progress']), data: z.string() }).meta({
  id: 'JobEvent',
  override: ({ jsonSchema }) => {
    Object.assign(jsonSchema, {
      // A server-sent event may have `retry` alone.
      required: undefined,
      additionalProperties: true,
    });
    delete jsonSchema.required;
    const { properties } = jsonSchema as { properties: Record<string, object> };
    properties.data = {
      type: 'string',
      contentMediaType: 'application/json',
      contentSchema: { $ref: '#/components/schemas/Job' },
    };
  },
});

/**
 * What can be asked of a job whose id the answer has; `at` is where, as in `$response.body#/id`.
 */
export function jobLinks(at: string) {
  return Object.fromEntries(
    ['showJob', 'followJob', 'cancelJob', 'jobResult', 'deleteJob'].map((operationId) => [
      operationId,
      { operationId, parameters: { id: at } },
    ]),
  );
}

const path = z.object({ id: z.string().describe('The job’s id.') });
const withId = { requestParams: { path } };
const fails: readonly FailureCode[] = ['job_not_found'];

/** An answer that is a job, with links to its operations. */
export function jobRecord(description: string) {
  return {
    ...json(description, jobSchema),
    links: {
      ...jobLinks('$response.body#/id'),
      jobFile: {
        operationId: 'jobFile',
        parameters: { id: '$response.body#/id', name: '$response.body#/result/files/0/name' },
      },
    },
  };
}

/** /v1/jobs */
export function jobPaths(): DescribedPaths {
  const of = (operationId: string, summary: string) => ({ operationId, summary, tags: ['jobs'] });
  return {
    '/v1/jobs': {
      get: {
        ...of('listJobs', 'Your jobs, the newest first'),
        requestParams: { query: jobListQuery },
        responses: {
          '200': {
            ...json('Jobs.', z.object({ jobs: z.array(jobSchema), next: z.string().optional() })),
            links: jobLinks('$response.body#/jobs/0/id'),
          },
        },
      },
    },
    '/v1/jobs/{id}': {
      get: {
        ...of('showJob', 'State, progress, estimate, links'),
        ...withId,
        responses: { '200': jobRecord('The job.') },
        fails,
      },
      delete: {
        ...of(
          'deleteJob',
          'Forget a job and its result; one that runs is cancelled, and forgotten as soon as it has ended',
        ),
        ...withId,
        responses: {
          '202': jobRecord('It is being given up, and forgotten then.'),
          '204': { description: 'Forgotten.' },
        },
        fails,
      },
    },
    '/v1/jobs/{id}/events': {
      get: {
        ...of('followJob', 'Follow a job'),
        requestParams: { path, header: followHeaders },
        responses: {
          '200': {
            description: 'Server-sent events `state` and `progress`.',
            content: { 'text/event-stream': { schema: jobEvent } },
          },
          '204': { description: 'Nothing more will come.' },
        },
        fails,
      },
    },
    '/v1/jobs/{id}/cancel': {
      post: {
        ...of('cancelJob', 'Cancel a job'),
        ...withId,
        responses: { '200': jobRecord('It has ended.'), '202': jobRecord('It is being given up.') },
        fails,
      },
    },
    '/v1/jobs/{id}/result': {
      get: {
        ...of('jobResult', 'What the request would have been answered'),
        ...withId,
        responses: { '200': file('The result.', ...resultTypes) },
        fails: [...fails, 'not_found', 'job_not_ended', 'job_cancelled', 'job_failed'],
      },
    },
    '/v1/jobs/{id}/files/{name}': {
      get: {
        ...of('jobFile', 'One file of the result'),
        requestParams: { path: path.extend({ name: z.string().describe('As the job lists it.') }) },
        responses: { '200': file('The file.', ...resultTypes) },
        fails: [...fails, 'not_found', 'job_not_ended', 'job_cancelled', 'job_failed'],
      },
    },
  };
}

/** What tasks write. */
const resultTypes = [
  'application/zip',
  'audio/wav',
  'image/png',
  'application/octet-stream',
  'application/json',
] as const;
