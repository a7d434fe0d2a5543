import { grpcStatuses } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { CallReceiver, GrpcCall } from './grpc-call.ts';
import { Codec, type Message } from './protocol/codec.ts';
import { describeFile, symbolsOf } from './protocol/describe-file.ts';
import type { ProtoFile } from './protocol/message-table.ts';
import { reflectionFile } from './protocol/reflection-file.ts';
import { writtenMessage } from './unary.ts';

const codec = new Codec(reflectionFile);

/** What is served, so that a client needs no .proto file: grpcurl and the like ask it. */
export class ReflectedFiles {
  readonly services: readonly string[];
  readonly #byName = new Map<string, Buffer>();
  readonly #bySymbol = new Map<string, Buffer>();

  constructor(files: readonly ProtoFile[]) {
    this.services = files.flatMap((file) => Object.keys(file.services).map((name) => `${file.package}.${name}`));
    for (const file of files) {
      const described = describeFile(file);
      this.#byName.set(file.name, described);
      for (const symbol of symbolsOf(file)) this.#bySymbol.set(symbol, described);
    }
  }

  answer(request: Message): Message {
    const { file_by_filename: file, file_containing_symbol: symbol, list_services: list } = request;
    if (list !== undefined) return { list_services_response: { service: this.services.map((name) => ({ name })) } };
    const found =
      file !== undefined
        ? this.#byName.get(file as string)
        : symbol !== undefined
          ? this.#bySymbol.get(symbol as string)
          : undefined;
    if (found) return { file_descriptor_response: { file_descriptor_proto: [found] } };
    return {
      error_response: {
        error_code: grpcStatuses.NOT_FOUND,
        error_message: 'There is no such file, symbol or extension here; list_services says which services there are.',
      },
    };
  }
}

/** One answer for each question, until the caller has no more. */
export class Reflection implements CallReceiver {
  readonly #files: ReflectedFiles;
  readonly #call: GrpcCall;

  constructor(files: ReflectedFiles, call: GrpcCall) {
    this.#files = files;
    this.#call = call;
    call.trace.beginStream();
  }

  received(body: Body): void {
    try {
      const request = codec.decode('ServerReflectionRequest', body.bytes);
      const answer = { valid_host: request.host, original_request: request, ...this.#files.answer(request) };
      if (!this.#call.write(writtenMessage(codec, 'ServerReflectionResponse', answer))) this.#call.pause();
    } catch (error) {
      this.#call.fail(error);
    } finally {
      body.release();
    }
  }

  drained(): void {
    this.#call.resume();
  }

  ended(): void {
    this.#call.end();
  }

  left(): void {
    // Nothing is held past the answers.
  }
}
