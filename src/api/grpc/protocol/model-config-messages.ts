import { either, many, map, one } from './message-table.ts';

/** What of Triton's model configuration is answered by the service. */
export const modelConfigMessages = {
  ModelConfig: {
    name: one(1, 'string'),
    platform: one(2, 'string'),
    version_policy: one(3, 'ModelVersionPolicy'),
    max_batch_size: one(4, 'int32'),
    input: many(5, 'ModelInput'),
    output: many(6, 'ModelOutput'),
    instance_group: many(7, 'ModelInstanceGroup'),
    default_model_filename: one(8, 'string'),
    dynamic_batching: either('scheduling_choice', 11, 'ModelDynamicBatching'),
    sequence_batching: either('scheduling_choice', 13, 'ModelSequenceBatching'),
    ensemble_scheduling: either('scheduling_choice', 15, 'ModelEnsembling'),
    response_cache: one(24, 'ModelResponseCache'),
    parameters: map(14, 'ModelParameter'),
    backend: one(17, 'string'),
  },
  ModelVersionPolicy: {
    latest: either('policy_choice', 1, 'ModelVersionPolicy.Latest'),
    all: either('policy_choice', 2, 'ModelVersionPolicy.All'),
    specific: either('policy_choice', 3, 'ModelVersionPolicy.Specific'),
  },
  'ModelVersionPolicy.Latest': { num_versions: one(1, 'uint32') },
  'ModelVersionPolicy.All': {},
  'ModelVersionPolicy.Specific': { versions: many(1, 'int64') },
  ModelInput: { name: one(1, 'string'), data_type: one(2, 'DataType'), dims: many(4, 'int64') },
  ModelOutput: { name: one(1, 'string'), data_type: one(2, 'DataType'), dims: many(3, 'int64') },
  ModelInstanceGroup: { name: one(1, 'string'), kind: one(4, 'ModelInstanceGroup.Kind'), count: one(2, 'int32') },
  ModelDynamicBatching: {
    max_queue_delay_microseconds: one(2, 'uint64'),
    priority_levels: one(4, 'uint64'),
    default_priority_level: one(5, 'uint64'),
    default_queue_policy: one(6, 'ModelQueuePolicy'),
  },
  ModelSequenceBatching: {
    max_sequence_idle_microseconds: one(1, 'uint64'),
    state: many(5, 'ModelSequenceBatching.State'),
  },
  'ModelSequenceBatching.State': {
    input_name: one(1, 'string'),
    output_name: one(2, 'string'),
    data_type: one(3, 'DataType'),
    dims: many(4, 'int64'),
  },
  ModelEnsembling: { step: many(1, 'ModelEnsembling.Step') },
  'ModelEnsembling.Step': {
    model_name: one(1, 'string'),
    model_version: one(2, 'int64'),
    input_map: map(3, 'string'),
    output_map: map(4, 'string'),
  },
  ModelResponseCache: { enable: one(1, 'bool') },
  ModelQueuePolicy: { max_queue_size: one(4, 'uint32') },
  ModelParameter: { string_value: one(1, 'string') },
};

export const modelConfigEnums = {
  DataType: {
    TYPE_INVALID: 0,
    TYPE_BOOL: 1,
    TYPE_UINT8: 2,
    TYPE_UINT16: 3,
    TYPE_UINT32: 4,
    TYPE_UINT64: 5,
    TYPE_INT8: 6,
    TYPE_INT16: 7,
    TYPE_INT32: 8,
    TYPE_INT64: 9,
    TYPE_FP16: 10,
    TYPE_FP32: 11,
    TYPE_FP64: 12,
    TYPE_STRING: 13,
  },
  'ModelInstanceGroup.Kind': { KIND_AUTO: 0, KIND_GPU: 1, KIND_CPU: 2, KIND_MODEL: 3 },
} as const;
