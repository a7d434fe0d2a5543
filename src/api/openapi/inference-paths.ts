import { z } from 'zod';

import { dataTypes } from '../../engine/tensor.ts';
import { indexRequest, loadRequest, unloadRequest } from '../models/repository-requests.ts';
import { logSettingsRequest } from '../settings/log-settings.ts';
import { traceSettingsRequest } from '../settings/trace-settings.ts';
import { binary, json } from './answers.ts';
import type { Described, DescribedPaths } from './describe-routes.ts';

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();

const tensor = z
  .object({
    name: z.string(),
    datatype: z.enum(Object.keys(dataTypes) as [keyof typeof dataTypes, ...(keyof typeof dataTypes)[]]),
    shape: z.array(z.int().min(0)),
    data: z.array(z.unknown()).optional().describe('Row by row, flat or nested; absent for binary data.'),
    parameters,
  })
  .meta({ id: 'Tensor' });

const inferRequest = z
  .object({
    id: z.string().optional(),
    inputs: z.array(tensor).min(1),
    outputs: z
      .array(z.object({ name: z.string().min(1), parameters }))
      .optional()
      .describe('Left out: all.'),
    parameters: parameters.describe(
      'priority (1 is the most urgent), timeout (microseconds), binary_data_output; of a model with a state: sequence_id (a number or a text), sequence_start, sequence_end.',
    ),
  })
  .meta({
    id: 'InferRequest',
    description: 'The example is one for the model harmonic-percussive.',
    example: {
      inputs: [{ name: 'audio', datatype: 'FP32', shape: [1, 4096], data: Array.from({ length: 4096 }, () => 0) }],
    },
  });

const inferAnswer = z
  .object({ id: z.string().optional(), model_name: z.string(), model_version: z.string(), outputs: z.array(tensor) })
  .meta({ id: 'InferAnswer' });

const generateRequest = z
  .looseObject({ id: z.string().optional(), parameters })
  .describe(
    'Each input of the model is a member: a value or an array, flat or nested. A member that names no input is a parameter. The example is one for the model harmonic-percussive.',
  )
  .meta({ id: 'ValuesByName', example: { audio: Array.from({ length: 4096 }, () => 0) } });

const generateAnswer = z
  .looseObject({ id: z.string().optional(), model_name: z.string(), model_version: z.string() })
  .describe('Each output is a member: a value where it has one element, else a flat array.')
  .meta({ id: 'AnswerByName' });

const model = z.object({ model: z.string().describe('The model’s name.') });
const modelVersion = model.extend({ version: z.string().describe('A version of it.') });

const settings = z.looseObject({});
const modelLinks = (at: string) =>
  Object.fromEntries(
    ['modelMetadata', 'modelReady', 'modelConfig', 'modelStatistics', 'showModelTraceSettings'].map((operationId) => [
      operationId,
      { operationId, parameters: { model: at } },
    ]),
  );

/** /v2: the Open Inference Protocol, with the extensions that are served. */
export function inferencePaths(): DescribedPaths {
  const paths: Record<string, DescribedPaths[string]> = {
    '/v2': { get: get('serverMetadata', 'Name, version, extensions') },
    '/v2/health/live': { get: { ...get('liveV2', 'Is it alive?', 'health'), fails: ['not_ready'] } },
    '/v2/health/ready': { get: { ...get('readyV2', 'Does it take work?', 'health'), fails: ['not_ready'] } },
    '/v2/models/stats': { get: get('allStatistics', 'Statistics of all models') },
    '/v2/repository/index': {
      post: {
        ...post('repositoryIndex', 'Models in the repository, with their state', indexRequest),
        responses: {
          '200': {
            ...json(
              'The models.',
              z.array(
                z.looseObject({
                  name: z.string(),
                  version: z.string(),
                  state: z.enum(['LOADING', 'READY', 'UNLOADING', 'UNAVAILABLE']),
                  reason: z.string(),
                  vitrine: z
                    .object({
                      batching: z.object({
                        rows_max: z.int(),
                        from: z.enum(['file', 'proof', 'shapes']),
                        reason: z.string(),
                        padding: z
                          .object({ dimensions: z.array(z.string()), is_followed: z.boolean(), reason: z.string() })
                          .optional()
                          .describe(
                            'Where model.json has a rule for rows of different lengths: whether it is followed.',
                          ),
                      }),
                      steps: z
                        .array(
                          z.object({
                            name: z.string(),
                            model: z.string().optional(),
                            version: z.string().optional(),
                            operation: z.string().optional(),
                          }),
                        )
                        .optional()
                        .describe('Of a pipeline: its steps, each a model or an operation.'),
                    })
                    .optional()
                    .describe('Whether rows of several requests share a run, who decided it, and why.'),
                }),
              ),
            ),
            links: modelLinks('$response.body#/0/name'),
          },
        },
      },
    },
    '/v2/repository/models/{model}/load': {
      post: {
        ...post('loadModel', 'Load a model, or reload it', loadRequest, model),
        fails: ['invalid_model', 'model_not_ready', 'model_load_timeout', 'circuit_open'],
      },
    },
    '/v2/repository/models/{model}/unload': { post: post('unloadModel', 'Unload a model', unloadRequest, model) },
    '/v2/trace/setting': settingsOf('TraceSettings', 'which traces are kept', traceSettingsRequest),
    '/v2/models/{model}/trace/setting': settingsOf(
      'ModelTraceSettings',
      'which traces of a model are kept',
      traceSettingsRequest,
      model,
    ),
    '/v2/logging': settingsOf('LogSettings', 'what is logged', logSettingsRequest),
  };
  for (const [path, params, suffix] of [
    ['/v2/models/{model}', model, ''],
    ['/v2/models/{model}/versions/{version}', modelVersion, 'OfVersion'],
  ] as const) {
    const read = (operationId: string, summary: string) => ({
      get: {
        ...get(`${operationId}${suffix}`, summary),
        requestParams: { path: params },
        fails: ['model_not_ready'] as const,
      },
    });
    paths[path] = read('modelMetadata', 'Names, types and shapes');
    paths[`${path}/ready`] = read('modelReady', 'Is the model ready?');
    paths[`${path}/config`] = read('modelConfig', 'The configuration, in Triton’s words');
    paths[`${path}/stats`] = read('modelStatistics', 'Counts and times');
    paths[`${path}/infer`] = { post: infer(`infer${suffix}`, params) };
    paths[`${path}/generate`] = { post: generate(`generateOfModel${suffix}`, params, 'application/json') };
    paths[`${path}/generate_stream`] = { post: generate(`streamOfModel${suffix}`, params, 'text/event-stream') };
  }
  const metadata = paths['/v2/models/{model}']?.get;
  Object.assign(metadata?.responses['200'] ?? {}, {
    links: Object.fromEntries(
      ['modelMetadata', 'modelReady', 'modelConfig', 'modelStatistics'].map((of) => [
        `${of}OfVersion`,
        {
          operationId: `${of}OfVersion`,
          parameters: { model: '$response.body#/name', version: '$response.body#/versions/0' },
        },
      ]),
    ),
  });
  return paths;
}

function infer(operationId: string, path: z.ZodObject): Described {
  return {
    operationId,
    tags: ['inference'],
    summary: 'Run a model on tensors',
    description:
      'JSON; or JSON and binary tensors after it, with the header Inference-Header-Content-Length saying how long the JSON is (0: the body is the one input’s data). What a model takes is in its metadata: GET /v2/models/{model}.',
    requestParams: {
      path,
      header: z.object({
        'Inference-Header-Content-Length': z
          .string()
          .optional()
          .meta({ override: { type: 'integer', minimum: 0, maximum: 999_999_999_999_999 } }),
      }),
    },
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: inferRequest },
        'application/octet-stream': { schema: binary() },
      },
    },
    responses: {
      '200': {
        description: 'The outputs.',
        content: { 'application/json': { schema: inferAnswer }, 'application/octet-stream': { schema: binary() } },
      },
    },
    fails: inferenceFails,
  };
}

/** Triton's extension: the same as an inference, with each tensor under its own name. */
function generate(operationId: string, path: z.ZodObject, type: 'application/json' | 'text/event-stream'): Described {
  return {
    operationId,
    tags: ['inference'],
    summary: type === 'application/json' ? 'Run a model on values by name' : 'The same, answered as an event',
    requestParams: { path },
    requestBody: { required: true, content: { 'application/json': { schema: generateRequest } } },
    responses: {
      '200':
        type === 'application/json'
          ? json('The outputs.', generateAnswer)
          : {
              description: 'An event whose data is the answer of generate.',
              content: { [type]: { schema: z.string() } },
            },
    },
    fails: inferenceFails,
  };
}

const inferenceFails = [
  'invalid_input',
  'not_acceptable',
  'inference_failed',
  'model_not_ready',
  'queue_full',
  'circuit_open',
  'lane_crashed',
  'deadline_exceeded',
  'caller_deadline_exceeded',
  'sequence_not_found',
  'sequence_busy',
] as const satisfies Described['fails'];

function get(operationId: string, summary: string, tag = 'inference'): Described {
  return { operationId, tags: [tag], summary, responses: { '200': json('What was asked for.') } };
}

function post(operationId: string, summary: string, schema: z.ZodObject, path?: z.ZodObject): Described {
  return {
    operationId,
    tags: ['repository'],
    summary,
    ...(path && { requestParams: { path } }),
    requestBody: { content: { 'application/json': { schema } } },
    responses: { '200': json('Done.') },
  };
}

function settingsOf(name: string, what: string, schema: z.ZodObject, path?: z.ZodObject) {
  const with200 = { '200': json('The settings as they are now.', settings) };
  return {
    get: {
      ...get(`show${name}`, `Show ${what}`, 'repository'),
      ...(path && { requestParams: { path } }),
      responses: with200,
    },
    post: { ...post(`change${name}`, `Change ${what}`, schema, path), responses: with200 },
  };
}
