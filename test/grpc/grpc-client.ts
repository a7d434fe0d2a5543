import {
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { describeFile } from '../../src/api/grpc/protocol/describe-file.ts';
import { healthFile } from '../../src/api/grpc/protocol/health-file.ts';
import { inferenceFile } from '../../src/api/grpc/protocol/inference-file.ts';
import type { ProtoFile } from '../../src/api/grpc/protocol/message-table.ts';
import { reflectionAlphaFile, reflectionFile } from '../../src/api/grpc/protocol/reflection-file.ts';
import { WireWriter } from '../../src/wire-writer.ts';

// A client that is not ours: its codec is protobufjs', by the descriptors that reflection answers.

// biome-ignore lint/suspicious/noExplicitAny: the messages are whatever the descriptors say.
export type Answer = any;

export type Answered = { readonly answer: Answer; readonly metadata: Metadata };

export type GrpcClient = Disposable & {
  /** One message, one answer. */
  ask(method: string, message?: object, metadata?: Record<string, string>, options?: CallOptions): Promise<Answered>;
  /** The same, where a failure is expected. */
  failure(
    method: string,
    message?: object,
    metadata?: Record<string, string>,
    options?: CallOptions,
  ): Promise<ServiceError>;
  stream(method: string, metadata?: Record<string, string>): ClientDuplexStream<Answer, Answer>;
  watch(method: string, message: object): ClientReadableStream<Answer>;
};

/** Over TLS, where the port speaks it: its authority, and what the client presents. */
export type ClientTls = { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

export function inferenceClient(port: number, options: object = {}, tls?: ClientTls): GrpcClient {
  return grpcClient(port, inferenceFile, options, tls);
}

export function healthClient(port: number, tls?: ClientTls): GrpcClient {
  return grpcClient(port, healthFile, {}, tls);
}

export function reflectionClient(port: number, alpha = false, tls?: ClientTls): GrpcClient {
  return grpcClient(port, alpha ? reflectionAlphaFile : reflectionFile, {}, tls);
}

function grpcClient(port: number, file: ProtoFile, options: object = {}, tls?: ClientTls): GrpcClient {
  const [service] = Object.keys(file.services);
  const set = new WireWriter();
  set.part(1, describeFile(file));
  const definition = loadFileDescriptorSetFromBuffer(set.bytes, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  });
  const inPackage = file.package
    .split('.')
    .reduce((part: Answer, name) => part[name], loadPackageDefinition(definition));
  const proof = tls ? credentials.createSsl(tls.ca, tls.key ?? null, tls.cert ?? null) : credentials.createInsecure();
  // A name, since grpc-js warns of an address in a certificate.
  const client = new inPackage[service!](tls ? `localhost:${port}` : `127.0.0.1:${port}`, proof, {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });
  const ask: GrpcClient['ask'] = (method, message = {}, metadata = {}, callOptions = {}) =>
    new Promise((resolve, reject) => {
      let head = new Metadata();
      const call = client[method](message, metadataOf(metadata), callOptions, (error: Error | null, answer: Answer) => {
        if (error) reject(error);
        else resolve({ answer, metadata: head });
      });
      call.on('metadata', (given: Metadata) => (head = given));
    });
  return {
    ask,
    failure: async (...of) => {
      const answered = await ask(...of).catch((error: ServiceError) => error);
      if (answered instanceof Error) return answered;
      throw new Error(`${of[0]} was answered: ${JSON.stringify(answered.answer)}`);
    },
    stream: (method, metadata = {}) => client[method](metadataOf(metadata)),
    watch: (method, message) => client[method](message),
    [Symbol.dispose]: () => client.close(),
  };
}

function metadataOf(given: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(given)) metadata.set(name, value);
  return metadata;
}

/** Numbers as the raw contents of FP32. */
export function rawFloats(...values: readonly number[]): Buffer {
  return Buffer.from(new Float32Array(values).buffer);
}

export function floatsOf(raw: Buffer): number[] {
  return [...new Float32Array(Uint8Array.from(raw).buffer)];
}

/** A ModelInferRequest for the model that answers what it is given. */
export function copyRequest(values: readonly number[], more: object = {}): object {
  return {
    model_name: 'copy',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, values.length] }],
    raw_input_contents: [rawFloats(...values)],
    ...more,
  };
}

/** A map as the client takes it that is made of descriptors: a list of its entries. */
export function mapOf(values: Readonly<Record<string, object>>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

export function entryOf(entries: readonly { key: string; value: Answer }[], key: string): Answer {
  return entries.find((entry) => entry.key === key)?.value;
}
