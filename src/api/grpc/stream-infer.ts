import { performance } from 'node:perf_hooks';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import { recordFailure } from '../../http/record-failure.ts';
import { RequestRow } from '../../observe/flight/request-row.ts';
import { RequestTrace } from '../../observe/request-trace.ts';
import { say } from '../../sentence.ts';
import type { Client } from '../access/clients.ts';
import { QuotaElsewhere, takeQuota } from '../inference/take-quota.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import { endCall } from './end-call.ts';
import type { CallParts, CallReceiver, GrpcCall } from './grpc-call.ts';
import { GrpcInference, type InferParts, type InferSource } from './infer-rpc.ts';
import { type WrittenMessage, writeStreamMessage } from './write-infer-message.ts';

/** Requests of one stream that are worked on at once; further ones wait in the connection. */
const inFlightMax = 32;

type Parts = InferParts & CallParts & { readonly stopping: AbortSignal };

/**
 * ModelStreamInfer: requests in, answers out in their order, for as long as the caller likes. Each
 * request has its own row, permit, quota and record. One that fails is answered with its sentence,
 * and the stream goes on, as it does with Triton.
 */
export function streamInfer(parts: Parts) {
  return (call: GrpcCall, client: Client): void => {
    const stream = new StreamInfer(parts, call, client);
    call.receive(stream);
    stream.begin();
  };
}

class StreamInfer implements CallReceiver {
  readonly #parts: Parts;
  readonly #call: GrpcCall;
  readonly #client: Client;
  /** In the order of their requests. */
  readonly #waiting: StreamedRequest[] = [];
  #received = 0;
  #isEnded = false;
  #isStopping = false;
  readonly #stop = () => {
    this.#isStopping = true;
    this.#call.pause();
    this.#endIfDone();
  };

  constructor(parts: Parts, call: GrpcCall, client: Client) {
    this.#parts = parts;
    this.#call = call;
    this.#client = client;
  }

  begin(): void {
    const { stopping } = this.#parts;
    // What is counted are its requests; the stream takes as long as its caller likes.
    this.#call.trace.isLook = true;
    this.#call.trace.beginStream();
    if (stopping.aborted) this.#stop();
    else stopping.addEventListener('abort', this.#stop);
  }

  received(body: Body): void {
    const request = new StreamedRequest(this.#parts, this.#call, this.#client, () => this.#flush());
    this.#waiting.push(request);
    if (this.#waiting.length >= inFlightMax) this.#call.pause();
    this.#received += 1;
    request.begin(body, this.#received > 1);
  }

  ended(): void {
    this.#isEnded = true;
    this.#endIfDone();
  }

  drained(): void {
    this.#flush();
  }

  left(answered: boolean): void {
    this.#parts.stopping.removeEventListener('abort', this.#stop);
    for (const request of this.#waiting) request.left(answered);
    this.#waiting.length = 0;
  }

  /** Answers leave in the order of their requests, and only while the caller reads them. */
  #flush(): void {
    let keepsUp = this.#call.unreadBytes === 0;
    while (keepsUp && this.#waiting[0]?.message !== undefined) {
      const request = this.#waiting.shift()!;
      if (request.failure && this.#call.headers.triton_grpc_error === 'true') {
        this.#call.trace.isLook = false;
        request.left(true);
        this.#call.fail(request.failure);
        return;
      }
      keepsUp = this.#call.write(request.message!);
      request.left(true);
    }
    if (this.#waiting.length < inFlightMax && keepsUp && !this.#isStopping) this.#call.resume();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#waiting.length > 0) return;
    if (this.#isEnded) this.#call.end();
    else if (this.#isStopping)
      this.#call.fail(
        new ServiceError('not_ready', say`Cannot go on with the stream: the service stops; open it once more.`),
      );
  }
}

/** One request of a stream. */
class StreamedRequest implements InferSource {
  readonly caller: GrpcCall;
  readonly trace: RequestTrace;
  readonly startedAt: number;
  readonly timeoutMs: number | undefined;
  /** Its answer, once there is one. */
  message: WrittenMessage | undefined;
  failure: ServiceError | undefined;
  readonly #parts: Parts;
  readonly #client: Client;
  readonly #inference: GrpcInference;
  readonly #done: () => void;

  constructor(parts: Parts, caller: GrpcCall, client: Client, done: () => void) {
    const row = parts.tracing && new RequestRow(parts.tracing.table);
    this.caller = caller;
    this.trace = new RequestTrace('POST', caller.headers, row);
    parts.tracing?.metrics.began(this.trace.method);
    this.trace.route = caller.trace.route;
    this.trace.tenant = caller.trace.tenant;
    this.startedAt = row?.startedAt ?? performance.now();
    // The whole stream has what its caller allows.
    this.timeoutMs =
      caller.timeoutMs === undefined ? undefined : caller.timeoutMs - (this.startedAt - caller.startedAt);
    this.#parts = parts;
    this.#client = client;
    this.#done = done;
    this.#inference = new GrpcInference(parts, this, client);
  }

  /** `takesQuota`: the first request's was taken when the stream was opened. */
  begin(body: Body, takesQuota: boolean): void {
    try {
      if (takesQuota) takeQuota(this.#client, 'infer', this.trace);
    } catch (error) {
      if (error instanceof QuotaElsewhere) this.#beginAgain(error, body);
      else {
        body.release();
        this.fail(error);
      }
      return;
    }
    this.#inference.received(body);
  }

  /** Of several processes, this one has to ask for a part of the client's quota first. */
  #beginAgain({ bucket }: QuotaElsewhere, body: Body): void {
    bucket.refill().then(
      () => {
        if (this.#inference.aborted) body.release();
        else this.begin(body, true);
      },
      (error: unknown) => {
        body.release();
        this.fail(error);
      },
    );
  }

  answer(model: RunnableModel, call: InferCall, outputs: readonly Tensor[]): void {
    this.message = writeStreamMessage(model, call, { outputs }, this.#parts.config.jsonInlineBytesMax);
    this.trace.row?.mark('encode');
    this.#done();
  }

  fail(thrown: unknown): void {
    const error = recordFailure(thrown, this.caller, this.trace, { isGone: false, isDecided: false });
    this.failure = error;
    const call = { id: this.#inference.id, binary: { byDefault: true, byName: undefined } };
    this.message = writeStreamMessage(undefined, call, { problem: error.message }, 0);
    this.#done();
  }

  left(answered: boolean): void {
    this.#inference.left(answered);
    endCall(this.#parts, this.trace, answered);
  }
}
