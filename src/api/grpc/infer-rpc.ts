import { performance } from 'node:perf_hooks';
import type { Config } from '../../config.ts';
import type { InferAnswer } from '../../engine/inference.ts';
import { Owned } from '../../engine/owned.ts';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ofCallersDeadline, ServiceError } from '../../errors.ts';
import type { Body } from '../../http/body.ts';
import type { Caller } from '../../http/caller.ts';
import { chargedClient } from '../../http/charged-client.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import { say } from '../../sentence.ts';
import { refuseModelOfOthers } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { allowedMs, callersMs, namedInputs } from '../inference/infer.ts';
import type { Permits } from '../inference/permits.ts';
import type { ProfiledRequest, Profiles } from '../inference/profile-request.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import type { InferCodec } from '../open-inference/infer-codec.ts';
import { scanMessage } from './read-infer-message.ts';

export type InferParts = {
  readonly config: Config;
  readonly registry: Registry;
  readonly permits: Permits;
  readonly profiles: Profiles;
  readonly codec: InferCodec;
};

/** What an inference is of, a whole call or one request of a stream, and where its answer goes. */
export type InferSource = {
  readonly caller: Caller;
  readonly trace: RequestTrace;
  readonly startedAt: number;
  /** What the headers allow. */
  readonly timeoutMs: number | undefined;
  answer(model: RunnableModel, call: InferCall, outputs: readonly Tensor[]): void;
  fail(error: unknown): void;
};

/**
 * One inference over gRPC, in the steps of infer.ts. The message names the model, so the permit
 * comes after the message.
 */
export class GrpcInference {
  /** The caller has gone: as an AbortSignal says it. */
  aborted = false;
  /** Of the request, as its caller named it. */
  id: string | undefined;
  readonly #parts: InferParts;
  readonly #source: InferSource;
  readonly #client: Client;
  #over = false;
  #model: RunnableModel | undefined;
  #body: Body | undefined;
  #call: InferCall | undefined;
  #profiled: ProfiledRequest | undefined;
  #outputs: Owned | undefined;

  constructor(parts: InferParts, source: InferSource, client: Client) {
    this.#parts = parts;
    this.#source = source;
    this.#client = client;
  }

  /** Who is charged for what is done aside. */
  get client(): string {
    return chargedClient(this.#source.caller);
  }

  received(body: Body): void {
    const { registry, permits, profiles, codec } = this.#parts;
    const { trace, caller } = this.#source;
    this.#body = body;
    try {
      trace.row?.mark('receive');
      const { name, version, id, isTyped } = scanMessage(body.bytes);
      this.id = id;
      refuseModelOfOthers(this.#client, name);
      const model = registry.find(name, version === '' ? undefined : version);
      trace.servedBy = model;
      permits.take(model.name, this.client);
      this.#model = model;
      this.#profiled = profiles.admit(caller, this.#client, model, trace);
      const { manifest } = model;
      if (codec.isLargeMessage(body.bytes, isTyped, manifest)) {
        codec.readMessageAside(body, manifest, this).then(
          (call) => this.#submit(call, true),
          (error: unknown) => this.#failedAside(error),
        );
        return;
      }
      // Tensors of typed contents are copies, tensors of raw contents are views of the message.
      this.#submit(codec.readMessage(body.bytes, manifest), body.isAlone || isTyped);
    } catch (error) {
      this.failed(error);
    }
  }

  #submit(call: InferCall, isOwn: boolean): void {
    if (this.#over) return;
    const { config } = this.#parts;
    const { trace, startedAt, timeoutMs } = this.#source;
    const model = this.#model!;
    try {
      this.#call = call;
      const deadlineAt = startedAt + Math.min(allowedMs(config, model), callersMs(timeoutMs, call));
      if (performance.now() >= deadlineAt)
        throw new ServiceError(
          'deadline_exceeded',
          say`Cannot run model ${model.name}: its time was over before its message was read; give it more.`,
        );
      this.#profiled?.keep(call);
      model.submit(
        {
          inputs: isOwn ? Owned.of(call.inputs) : call.inputs,
          outputs: call.outputs,
          priority: call.priority,
          sequence: call.sequence,
          deadlineAt,
          signal: this,
          tenant: trace.tenant,
          follower: trace.row,
        },
        this,
      );
    } catch (error) {
      this.failed(error);
    }
  }

  /** The engine has done: tensors to bytes, and out. */
  answered({ outputs, stages, owned }: InferAnswer): void {
    this.#outputs = owned;
    if (this.#over) return;
    try {
      this.#source.trace.row?.markEngine(stages);
      this.#source.answer(this.#model!, this.#call!, outputs);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Meanwhile the caller may have gone: then nobody waits for an answer. */
  #failedAside(error: unknown): void {
    if (!this.#over) this.failed(error);
  }

  failed(thrown: unknown): void {
    const { trace, timeoutMs } = this.#source;
    const call = this.#call;
    const isCallers = call !== undefined && callersMs(timeoutMs, call) < allowedMs(this.#parts.config, this.#model!);
    if (call) trace.inputs = namedInputs(call, this.#model!);
    trace.row?.markEngineFailed();
    this.#source.fail(isCallers ? ofCallersDeadline(thrown) : thrown);
  }

  /** The answer has left, or nobody waits for it: what is held for it is released. */
  left(answered: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.aborted = !answered;
    if (this.#model) this.#parts.permits.giveBack(this.#model.name, this.client);
    this.#body?.release();
    this.#profiled?.left();
    if (answered) this.#outputs?.release();
  }
}
