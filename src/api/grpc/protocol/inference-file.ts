import { either, many, map, one, type ProtoFile } from './message-table.ts';
import { modelConfigEnums, modelConfigMessages } from './model-config-messages.ts';

const nameAndVersion = { name: one(1, 'string'), version: one(2, 'string') };

const parameter = {
  bool_param: either('parameter_choice', 1, 'bool'),
  int64_param: either('parameter_choice', 2, 'int64'),
  string_param: either('parameter_choice', 3, 'string'),
  double_param: either('parameter_choice', 4, 'double'),
  uint64_param: either('parameter_choice', 5, 'uint64'),
};

/** The Open Inference Protocol's own messages. */
const protocolMessages = {
  ServerLiveRequest: {},
  ServerLiveResponse: { live: one(1, 'bool') },
  ServerReadyRequest: {},
  ServerReadyResponse: { ready: one(1, 'bool') },
  ModelReadyRequest: nameAndVersion,
  ModelReadyResponse: { ready: one(1, 'bool') },
  ServerMetadataRequest: {},
  ServerMetadataResponse: { ...nameAndVersion, extensions: many(3, 'string') },
  ModelMetadataRequest: nameAndVersion,
  ModelMetadataResponse: {
    name: one(1, 'string'),
    versions: many(2, 'string'),
    platform: one(3, 'string'),
    inputs: many(4, 'ModelMetadataResponse.TensorMetadata'),
    outputs: many(5, 'ModelMetadataResponse.TensorMetadata'),
  },
  'ModelMetadataResponse.TensorMetadata': {
    name: one(1, 'string'),
    datatype: one(2, 'string'),
    shape: many(3, 'int64'),
  },
  InferParameter: parameter,
  InferTensorContents: {
    bool_contents: many(1, 'bool'),
    int_contents: many(2, 'int32'),
    int64_contents: many(3, 'int64'),
    uint_contents: many(4, 'uint32'),
    uint64_contents: many(5, 'uint64'),
    fp32_contents: many(6, 'float'),
    fp64_contents: many(7, 'double'),
    bytes_contents: many(8, 'bytes'),
  },
  ModelInferRequest: {
    model_name: one(1, 'string'),
    model_version: one(2, 'string'),
    id: one(3, 'string'),
    parameters: map(4, 'InferParameter'),
    inputs: many(5, 'ModelInferRequest.InferInputTensor'),
    outputs: many(6, 'ModelInferRequest.InferRequestedOutputTensor'),
    raw_input_contents: many(7, 'bytes'),
  },
  'ModelInferRequest.InferInputTensor': {
    name: one(1, 'string'),
    datatype: one(2, 'string'),
    shape: many(3, 'int64'),
    parameters: map(4, 'InferParameter'),
    contents: one(5, 'InferTensorContents'),
  },
  'ModelInferRequest.InferRequestedOutputTensor': { name: one(1, 'string'), parameters: map(2, 'InferParameter') },
  ModelInferResponse: {
    model_name: one(1, 'string'),
    model_version: one(2, 'string'),
    id: one(3, 'string'),
    parameters: map(4, 'InferParameter'),
    outputs: many(5, 'ModelInferResponse.InferOutputTensor'),
    raw_output_contents: many(6, 'bytes'),
  },
  'ModelInferResponse.InferOutputTensor': {
    name: one(1, 'string'),
    datatype: one(2, 'string'),
    shape: many(3, 'int64'),
    parameters: map(4, 'InferParameter'),
    contents: one(5, 'InferTensorContents'),
  },
};

/** Triton's additions, as far as they are served. */
const tritonMessages = {
  ModelStreamInferResponse: { error_message: one(1, 'string'), infer_response: one(2, 'ModelInferResponse') },
  ModelConfigRequest: nameAndVersion,
  ModelConfigResponse: { config: one(1, 'ModelConfig') },
  ModelStatisticsRequest: nameAndVersion,
  StatisticDuration: { count: one(1, 'uint64'), ns: one(2, 'uint64') },
  InferStatistics: {
    success: one(1, 'StatisticDuration'),
    fail: one(2, 'StatisticDuration'),
    queue: one(3, 'StatisticDuration'),
    compute_input: one(4, 'StatisticDuration'),
    compute_infer: one(5, 'StatisticDuration'),
    compute_output: one(6, 'StatisticDuration'),
    cache_hit: one(7, 'StatisticDuration'),
    cache_miss: one(8, 'StatisticDuration'),
  },
  InferBatchStatistics: {
    batch_size: one(1, 'uint64'),
    compute_input: one(2, 'StatisticDuration'),
    compute_infer: one(3, 'StatisticDuration'),
    compute_output: one(4, 'StatisticDuration'),
  },
  ModelStatistics: {
    ...nameAndVersion,
    last_inference: one(3, 'uint64'),
    inference_count: one(4, 'uint64'),
    execution_count: one(5, 'uint64'),
    inference_stats: one(6, 'InferStatistics'),
    batch_stats: many(7, 'InferBatchStatistics'),
  },
  ModelStatisticsResponse: { model_stats: many(1, 'ModelStatistics') },
  ModelRepositoryParameter: {
    bool_param: either('parameter_choice', 1, 'bool'),
    int64_param: either('parameter_choice', 2, 'int64'),
    string_param: either('parameter_choice', 3, 'string'),
    bytes_param: either('parameter_choice', 4, 'bytes'),
  },
  RepositoryIndexRequest: { repository_name: one(1, 'string'), ready: one(2, 'bool') },
  RepositoryIndexResponse: { models: many(1, 'RepositoryIndexResponse.ModelIndex') },
  'RepositoryIndexResponse.ModelIndex': { ...nameAndVersion, state: one(3, 'string'), reason: one(4, 'string') },
  RepositoryModelLoadRequest: {
    repository_name: one(1, 'string'),
    model_name: one(2, 'string'),
    parameters: map(3, 'ModelRepositoryParameter'),
  },
  RepositoryModelLoadResponse: {},
  RepositoryModelUnloadRequest: {
    repository_name: one(1, 'string'),
    model_name: one(2, 'string'),
    parameters: map(3, 'ModelRepositoryParameter'),
  },
  RepositoryModelUnloadResponse: {},
  TraceSettingRequest: { settings: map(1, 'TraceSettingRequest.SettingValue'), model_name: one(2, 'string') },
  'TraceSettingRequest.SettingValue': { value: many(1, 'string') },
  TraceSettingResponse: { settings: map(1, 'TraceSettingResponse.SettingValue') },
  'TraceSettingResponse.SettingValue': { value: many(1, 'string') },
  LogSettingsRequest: { settings: map(1, 'LogSettingsRequest.SettingValue') },
  'LogSettingsRequest.SettingValue': {
    bool_param: either('parameter_choice', 1, 'bool'),
    uint32_param: either('parameter_choice', 2, 'uint32'),
    string_param: either('parameter_choice', 3, 'string'),
  },
  LogSettingsResponse: { settings: map(1, 'LogSettingsResponse.SettingValue') },
  'LogSettingsResponse.SettingValue': {
    bool_param: either('parameter_choice', 1, 'bool'),
    uint32_param: either('parameter_choice', 2, 'uint32'),
    string_param: either('parameter_choice', 3, 'string'),
  },
};

/** The package `inference`: checked against the descriptors of Triton's client by a test. */
export const inferenceFile = {
  name: 'grpc_service.proto',
  package: 'inference',
  messages: { ...protocolMessages, ...tritonMessages, ...modelConfigMessages },
  enums: modelConfigEnums,
  services: {
    GRPCInferenceService: {
      ServerLive: unary('ServerLive'),
      ServerReady: unary('ServerReady'),
      ModelReady: unary('ModelReady'),
      ServerMetadata: unary('ServerMetadata'),
      ModelMetadata: unary('ModelMetadata'),
      ModelInfer: unary('ModelInfer'),
      ModelStreamInfer: { request: 'ModelInferRequest', response: 'ModelStreamInferResponse', streams: 'both' },
      ModelConfig: unary('ModelConfig'),
      ModelStatistics: unary('ModelStatistics'),
      RepositoryIndex: unary('RepositoryIndex'),
      RepositoryModelLoad: unary('RepositoryModelLoad'),
      RepositoryModelUnload: unary('RepositoryModelUnload'),
      TraceSetting: unary('TraceSetting'),
      LogSettings: unary('LogSettings'),
    },
  },
} as const satisfies ProtoFile;

function unary(name: string) {
  return { request: `${name}Request`, response: `${name}Response` };
}
