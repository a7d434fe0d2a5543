import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { dataTypes } from '../../engine/tensor.ts';
import { binary, failing, json } from './answers.ts';

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
      .array(z.object({ name: z.string(), parameters }))
      .optional()
      .describe('Left out: all.'),
    parameters: parameters.describe('priority (1 is the most urgent), timeout (microseconds), binary_data_output.'),
  })
  .meta({
    id: 'InferRequest',
    example: { inputs: [{ name: 'audio', datatype: 'FP32', shape: [1, 4], data: [0.1, 0.2, 0.1, 0] }] },
  });

const inferAnswer = z
  .object({ id: z.string().optional(), model_name: z.string(), model_version: z.string(), outputs: z.array(tensor) })
  .meta({ id: 'InferAnswer' });

const model = z.object({ model: z.string().describe('The model’s name.') });
const modelVersion = model.extend({ version: z.string().describe('A version of it.') });

/** /v2: the Open Inference Protocol, with the extensions that are served. */
export function inferencePaths(): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {
    '/v2': { get: get('serverMetadata', 'Name, version, extensions') },
    '/v2/health/live': { get: get('liveV2', 'Is it alive?', 'health') },
    '/v2/health/ready': { get: get('readyV2', 'Does it take work?', 'health') },
    '/v2/models/stats': { get: get('allStatistics', 'Statistics of all models') },
    '/v2/repository/index': { post: post('repositoryIndex', 'Models in the repository, with their state') },
    '/v2/repository/models/{model}/load': { post: post('loadModel', 'Load a model, or load it anew', model) },
    '/v2/repository/models/{model}/unload': { post: post('unloadModel', 'Unload a model', model) },
    '/v2/trace/setting': settingsOf('TraceSettings', 'which traces are kept'),
    '/v2/models/{model}/trace/setting': settingsOf('ModelTraceSettings', 'which traces of a model are kept', model),
    '/v2/logging': settingsOf('LogSettings', 'what is logged'),
  };
  for (const [path, params, suffix] of [
    ['/v2/models/{model}', model, ''],
    ['/v2/models/{model}/versions/{version}', modelVersion, 'OfVersion'],
  ] as const) {
    const read = (operationId: string, summary: string) => ({
      get: {
        ...get(`${operationId}${suffix}`, summary),
        requestParams: { path: params },
        responses: {
          '200': json('What was asked for.'),
          ...failing('unauthorized', 'forbidden', 'model_not_found', 'model_not_ready'),
        },
      },
    });
    paths[path] = read('modelMetadata', 'Names, types and shapes');
    paths[`${path}/ready`] = read('modelReady', 'Is the model ready?');
    paths[`${path}/config`] = read('modelConfig', 'The configuration, in Triton’s words');
    paths[`${path}/stats`] = read('modelStatistics', 'Counts and times');
    paths[`${path}/infer`] = { post: infer(`infer${suffix}`, params) };
  }
  return paths;
}

function infer(operationId: string, path: z.ZodObject): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: ['inference'],
    summary: 'Run a model on tensors',
    description:
      'JSON; or JSON and binary tensors after it, with the header Inference-Header-Content-Length saying how long the JSON is (0: the body is the one input’s data).',
    requestParams: {
      path,
      header: z.object({
        'Inference-Header-Content-Length': z.string().optional(),
        'X-Request-Timeout-Ms': z.string().optional(),
      }),
    },
    requestBody: {
      required: true,
      content: { 'application/json': { schema: inferRequest }, 'application/octet-stream': { schema: binary() } },
    },
    responses: {
      '200': {
        description: 'The outputs.',
        content: { 'application/json': { schema: inferAnswer }, 'application/octet-stream': { schema: binary() } },
      },
      ...failing(
        'invalid_request',
        'invalid_body',
        'invalid_input',
        'unauthorized',
        'forbidden',
        'model_not_found',
        'body_too_slow',
        'body_too_large',
        'encoding_not_supported',
        'rate_limited',
        'inference_failed',
        'model_not_ready',
        'busy',
        'queue_full',
        'circuit_open',
        'lane_crashed',
        'deadline_exceeded',
      ),
    },
  };
}

function get(operationId: string, summary: string, tag = 'inference'): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: [tag],
    summary,
    responses: { '200': json('What was asked for.'), ...failing('unauthorized', 'not_ready') },
  };
}

function post(operationId: string, summary: string, path?: z.ZodObject): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: ['repository'],
    summary,
    ...(path && { requestParams: { path } }),
    requestBody: { content: { 'application/json': { schema: z.looseObject({}) } } },
    responses: {
      '200': json('Done.'),
      ...failing('unauthorized', 'forbidden', 'model_not_found', 'invalid_model', 'circuit_open'),
    },
  };
}

function settingsOf(name: string, what: string, path?: z.ZodObject) {
  return {
    get: { ...get(`show${name}`, `Show ${what}`, 'repository'), ...(path && { requestParams: { path } }) },
    post: post(`change${name}`, `Change ${what}`, path),
  };
}
