import type { attributeNames } from './attributes.ts';

export type Span = {
  readonly name: string;
  readonly says: string;
  /** The rows of the attributes that each has; others of the table may be on it too. */
  readonly requires?: readonly (keyof typeof attributeNames)[];
};

/**
 * Every span there is. A name never holds what a caller wrote; what is particular to one is in its
 * attributes.
 */
export const spanNames = {
  request: {
    name: '{method} {route}',
    says: 'A request, from its first byte to the last of its answer; made when it has ended, if its trace is kept.',
    requires: [
      'httpMethod',
      'httpRoute',
      'httpStatus',
      'urlScheme',
      'httpVersion',
      'requestId',
      'tenant',
      'traceKept',
      'traceWeight',
    ],
  },
  rpc: {
    name: '{service}/{method}',
    says: 'The same of a gRPC call: of its service and method, as in inference.GRPCInferenceService/ModelInfer.',
  },
  receive: { name: 'inference.receive', says: 'Stage: the body arrives, and the guards before it.' },
  decode: { name: 'inference.decode', says: 'Stage: bytes to tensors.' },
  queue: { name: 'inference.queue', says: 'Stage: waiting for a lane.' },
  assemble: { name: 'inference.assemble', says: 'Stage: the rows of a batch are put together.' },
  run: { name: 'inference.run', says: 'Stage: to the lane and back.' },
  split: { name: 'inference.split', says: 'Stage: the answer of the batch is shared out.' },
  encode: { name: 'inference.encode', says: 'Stage: tensors to bytes.' },
  send: { name: 'inference.send', says: 'Stage: the answer leaves.' },
  pipelineStep: {
    name: 'pipeline.step',
    says: 'A step of a request to a pipeline, from its begin to its answer; linked with the batch that it was in. The steps of a pipeline that is a step itself are its children.',
    requires: ['pipelineStep', 'pipelineQueueMs', 'pipelineRunMs', 'pipelineOutputBytes'],
  },
  batch: {
    name: 'inference.batch',
    says: 'A batch of which a member is kept: from its first row to its last answer. A trace of its own, linked with its kept members both ways.',
    requires: [
      'batchId',
      'batchRequests',
      'batchRows',
      'batchClosedBy',
      'batchOutcome',
      'lane',
      'modelName',
      'modelVersion',
    ],
  },
  profile: {
    name: 'inference.profile',
    says: 'A profiled repetition of a run in a twin of its session, after the answer; child of the run.',
    requires: ['modelName', 'modelVersion', 'profileRunMs', 'profileOperators', 'profileTop'],
  },
  operator: {
    name: 'inference.operator',
    says: 'One ONNX operator of a profiled run: name, type, shapes, provider, memory. Child of inference.profile.',
    requires: ['onnxNode', 'onnxType', 'onnxProvider', 'onnxInputs', 'onnxOutputs'],
  },
  modelLoad: {
    name: 'model.load',
    says: 'From the file to ready: session, probe, warm-up. Always kept.',
    requires: ['modelName', 'loadResult'],
  },
  modelInference: {
    name: 'model.inference',
    says: 'A task’s use of its model, all engine calls together.',
    requires: ['taskKind', 'modelName', 'taskCalls'],
  },
  task: {
    name: 'task',
    says: 'One task: separate, generate, score, microstructure … Always kept.',
    requires: ['taskKind', 'modelName', 'taskStatus', 'tenant'],
  },
  taskStep: {
    name: 'task.step',
    says: 'A part of a task that takes time of its own: decode, resample, measure, write.',
    requires: ['taskStep'],
  },
  chunk: { name: 'task.chunk', says: 'One chunk of a long sound through the engine.', requires: ['taskChunk'] },
  sample: {
    name: 'process_audio',
    says: 'One file of a dataset. Always kept.',
    requires: ['datasetName', 'sampleId', 'sampleStatus'],
  },
  job: {
    name: 'job',
    says: 'A job from accepted to ended; linked with the request that brought it.',
    requires: ['jobId', 'jobKind', 'jobAttempt', 'jobState', 'tenant'],
  },
  databaseQuery: {
    name: 'db.query',
    says: 'A query or transaction of the jobs’ database, within the work that asks.',
    requires: ['dbSystem', 'dbOperation'],
  },
  jobStep: {
    name: 'job.step',
    says: 'One attempt at a part of a job. Always kept.',
    requires: ['jobId', 'jobAttempt'],
  },
} as const satisfies Record<string, Span>;

export type SpanName = keyof typeof spanNames;
