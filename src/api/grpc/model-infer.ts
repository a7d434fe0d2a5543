import type { Config } from '../../config.ts';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { Body } from '../../http/body.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { Client } from '../access/clients.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import type { CallReceiver, GrpcCall } from './grpc-call.ts';
import { GrpcInference, type InferParts, type InferSource } from './infer-rpc.ts';
import { missingMessage, secondMessage } from './one-message.ts';
import { packedMessage } from './packed-message.ts';
import { writeInferMessage } from './write-infer-message.ts';

/** ModelInfer: one message, one answer. */
export function modelInfer(parts: InferParts) {
  return (call: GrpcCall, client: Client): void => call.receive(new ModelInfer(parts, call, client));
}

class ModelInfer implements CallReceiver, InferSource {
  readonly caller: GrpcCall;
  readonly trace: RequestTrace;
  readonly startedAt: number;
  readonly timeoutMs: number | undefined;
  readonly #config: Config;
  readonly #inference: GrpcInference;
  #hasMessage = false;

  constructor(parts: InferParts, call: GrpcCall, client: Client) {
    this.caller = call;
    this.trace = call.trace;
    this.startedAt = call.startedAt;
    this.timeoutMs = call.timeoutMs;
    this.#config = parts.config;
    this.#inference = new GrpcInference(parts, this, client);
  }

  received(body: Body): void {
    if (this.#hasMessage) {
      body.release();
      this.caller.fail(secondMessage());
      return;
    }
    this.#hasMessage = true;
    this.#inference.received(body);
  }

  ended(hadMessage: boolean): void {
    if (!hadMessage) this.caller.fail(missingMessage());
  }

  answer(model: RunnableModel, call: InferCall, outputs: readonly Tensor[]): void {
    const { caller } = this;
    const message = writeInferMessage(model, call, outputs, this.#config.jsonInlineBytesMax);
    this.trace.row?.mark('encode');
    const packing = packedMessage(message, caller.headers, this.#config);
    if (packing === undefined) caller.answer(message, true);
    else
      packing.then(
        (packed) => caller.answer(packed, true),
        (error: unknown) => caller.fail(error),
      );
  }

  fail(error: unknown): void {
    this.caller.fail(error);
  }

  left(answered: boolean): void {
    this.#inference.left(answered);
  }
}
