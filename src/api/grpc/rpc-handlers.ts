import type { Registry } from '../../engine/registry/registry.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import type { Client } from '../access/clients.ts';
import { isReady } from '../health/health.ts';
import { serverFacts } from '../models/server-metadata.ts';
import type { MakeChange } from '../processes/make-changes.ts';
import type { rpcRoutes } from '../routes.ts';
import type { LogSettings } from '../settings/log-settings.ts';
import type { TraceSettingsStore } from '../settings/trace-settings.ts';
import type { CallParts, GrpcCall } from './grpc-call.ts';
import { checkHealth, type HealthParts, HealthWatch, healthCodec } from './health-rpcs.ts';
import type { InferParts } from './infer-rpc.ts';
import { modelInfer } from './model-infer.ts';
import { Codec, type Message } from './protocol/codec.ts';
import { healthFile } from './protocol/health-file.ts';
import { inferenceFile } from './protocol/inference-file.ts';
import { reflectionAlphaFile, reflectionFile } from './protocol/reflection-file.ts';
import { ReflectedFiles, Reflection } from './reflection-rpc.ts';
import {
  configOf,
  loadByMessage,
  metadataOf,
  readyOf,
  repositoryIndexFor,
  statisticsOfModels,
  unloadByMessage,
} from './repository-rpcs.ts';
import {
  changeLoggingByMessage,
  changeTracingByMessage,
  hasChanges,
  showLogging,
  showTracing,
} from './settings-rpcs.ts';
import { streamInfer } from './stream-infer.ts';

export type HandlerParts = CallParts &
  InferParts &
  Omit<HealthParts, 'services'> & {
    readonly registry: Registry;
    readonly traceSettings: TraceSettingsStore;
    readonly logSettings: LogSettings;
    readonly changes: MakeChange;
    readonly stopping: AbortSignal;
  };

/** How a call is answered that its guard let in. */
export type RpcHandler =
  /** One message of the tables, one answer. `changes`: for a call that reads or changes. */
  | {
      readonly kind: 'unary';
      readonly codec: Codec;
      readonly request: string;
      readonly response: string;
      /** The model that the message names, which the client's key has to include. */
      readonly model?: (message: Message) => string;
      readonly answer?: (message: Message, client: Client) => Message | Promise<Message>;
      readonly act?: (message: Message, entry: AuditEntry) => Promise<Message>;
      readonly changes?: (message: Message) => boolean;
    }
  | { readonly kind: 'calls'; readonly begin: (call: GrpcCall, client: Client) => void };

const codec = new Codec(inferenceFile);
const files = [inferenceFile, healthFile, reflectionFile, reflectionAlphaFile];

const named = ({ name }: Message) => name as string;
const modelNamed = ({ model_name: name }: Message) => name as string;

/** One handler for each call of the table of routes. */
export function rpcHandlers(parts: HandlerParts): { readonly [Path in keyof typeof rpcRoutes]: RpcHandler } {
  return { ...protocolHandlers(parts), ...tritonHandlers(parts), ...healthAndReflection(parts) };
}

/** The Open Inference Protocol's own, and the stream of the same requests. */
function protocolHandlers(parts: HandlerParts) {
  return {
    '/inference.GRPCInferenceService/ServerLive': unary('ServerLive', {
      answer: () => ({ live: parts.registry.healthy }),
    }),
    '/inference.GRPCInferenceService/ServerReady': unary('ServerReady', {
      answer: async () => ({ ready: await isReady(parts) }),
    }),
    '/inference.GRPCInferenceService/ModelReady': unary('ModelReady', {
      model: named,
      answer: (message) => readyOf(parts, message),
    }),
    '/inference.GRPCInferenceService/ServerMetadata': unary('ServerMetadata', { answer: () => serverFacts }),
    '/inference.GRPCInferenceService/ModelMetadata': unary('ModelMetadata', {
      model: named,
      answer: (message) => metadataOf(parts, message),
    }),
    '/inference.GRPCInferenceService/ModelInfer': calls(modelInfer(parts)),
    '/inference.GRPCInferenceService/ModelStreamInfer': calls(streamInfer(parts)),
  };
}

function tritonHandlers(parts: HandlerParts) {
  return {
    '/inference.GRPCInferenceService/ModelConfig': unary('ModelConfig', {
      model: named,
      answer: (message) => configOf(parts, message),
    }),
    '/inference.GRPCInferenceService/ModelStatistics': unary('ModelStatistics', {
      model: named,
      answer: (message, client) => statisticsOfModels(parts, message, client),
    }),
    '/inference.GRPCInferenceService/RepositoryIndex': unary('RepositoryIndex', {
      answer: (message, client) => repositoryIndexFor(parts, message, client),
    }),
    '/inference.GRPCInferenceService/RepositoryModelLoad': unary('RepositoryModelLoad', {
      act: (message, entry) => loadByMessage(parts, message, entry),
    }),
    '/inference.GRPCInferenceService/RepositoryModelUnload': unary('RepositoryModelUnload', {
      act: (message, entry) => unloadByMessage(parts, message, entry),
    }),
    '/inference.GRPCInferenceService/TraceSetting': unary('TraceSetting', {
      model: modelNamed,
      changes: hasChanges,
      answer: (message) => showTracing(parts, message),
      act: (message, entry) => changeTracingByMessage(parts, message, entry),
    }),
    '/inference.GRPCInferenceService/LogSettings': unary('LogSettings', {
      changes: hasChanges,
      answer: () => showLogging(parts),
      act: (message, entry) => changeLoggingByMessage(parts, message, entry),
    }),
  };
}

function healthAndReflection(parts: HandlerParts) {
  const reflected = new ReflectedFiles(files);
  const health = { ...parts, services: new Set(reflected.services) };
  const reflection = calls((call) => call.receive(new Reflection(reflected, call), parts.config.parametersBytesMax));
  const check: RpcHandler = {
    kind: 'unary',
    codec: healthCodec,
    request: 'HealthCheckRequest',
    response: 'HealthCheckResponse',
    answer: (message) => checkHealth(health, message),
  };
  return {
    '/grpc.health.v1.Health/Check': check,
    '/grpc.health.v1.Health/Watch': calls((call) =>
      call.receive(new HealthWatch(health, call), parts.config.parametersBytesMax),
    ),
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': reflection,
    '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': reflection,
  };
}

function unary(
  name: string,
  how: Omit<RpcHandler & { kind: 'unary' }, 'kind' | 'codec' | 'request' | 'response'>,
): RpcHandler {
  return { kind: 'unary', codec, request: `${name}Request`, response: `${name}Response`, ...how };
}

function calls(begin: (call: GrpcCall, client: Client) => void): RpcHandler {
  return { kind: 'calls', begin };
}
