import { performance } from 'node:perf_hooks';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { InferAnswer } from '../../engine/inference.ts';
import { Owned } from '../../engine/owned.ts';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import type { Manifest } from '../../engine/registry/manifest.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { type InputShape, shapesOf, type Tensor } from '../../engine/tensor.ts';
import { ofCallersDeadline } from '../../errors.ts';
import { headLine, joinHead } from '../../head-lines.ts';
import { answerFailure, refuseMethod } from '../../http/answer-error.ts';
import type { Body } from '../../http/body.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { chargedClient } from '../../http/charged-client.ts';
import { commonHead } from '../../http/common-head.ts';
import type { HttpExchange } from '../../http/http-exchange.ts';
import { wholeHeader } from '../../http/whole-header.ts';
import { wireForm } from '../../observe/flight/request-table.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { InferCall, InferForm } from '../open-inference/infer-call.ts';
import type { InferCodec } from '../open-inference/infer-codec.ts';
import { writeGenerateAnswer } from '../open-inference/write-generate-answer.ts';
import { writeInferAnswer } from '../open-inference/write-infer-answer.ts';
import type { WrittenData } from '../open-inference/written-data.ts';
import type { SequencesElsewhere } from '../processes/sequences-elsewhere.ts';
import { inferenceRoutes } from '../routes.ts';
import type { Permits } from './permits.ts';
import type { ProfiledRequest, Profiles } from './profile-request.ts';
import { sendAnswer } from './send-answer.ts';
import { QuotaElsewhere } from './take-quota.ts';

export type InferParts = {
  config: Config;
  access: AccessControl;
  registry: Registry;
  bodies: BodyReader;
  permits: Permits;
  profiles: Profiles;
  codec: InferCodec;
  exchange: HttpExchange;
  /** Of several processes. */
  sequences: SequencesElsewhere | undefined;
};

/** What the path names, percent-encoded as it came. */
export type InferTarget = {
  readonly model: string;
  readonly version: string | undefined;
  readonly form: InferForm;
};

export type InferHandler = (request: Request, response: Response, trace: RequestTrace, target: InferTarget) => void;

/**
 * One inference over HTTP: who asks, which model, the bytes to tensors, the engine, the tensors to
 * bytes.
 */
export function infer(parts: InferParts): InferHandler {
  return (request, response, trace, target) => new InferExchange(parts, request, response, trace).begin(target);
}

/**
 * A request and its answer. The body reader and the engine report to this one object, and it says
 * whether the caller has gone. Promises, an AbortController and closures for each would cost as
 * much as the rest of a small inference.
 */
class InferExchange {
  /** The caller has gone: as an AbortSignal says it. */
  aborted = false;
  readonly #parts: InferParts;
  readonly #request: Request;
  readonly #response: Response;
  readonly #trace: RequestTrace;
  #over = false;
  #startedAt = 0;
  #model: RunnableModel | undefined;
  #form: InferForm = 'infer';
  #jsonBytes: number | undefined;
  #timeoutMs: number | undefined;
  #body: Body | undefined;
  #call: InferCall | undefined;
  #profiled: ProfiledRequest | undefined;
  #outputs: Owned | undefined;

  constructor(parts: InferParts, request: Request, response: Response, trace: RequestTrace) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#trace = trace;
  }

  begin(target: InferTarget): void {
    const { access, registry, bodies, permits, profiles, sequences } = this.#parts;
    try {
      const request = this.#request;
      const { form } = target;
      const route = (target.version === undefined ? routesOfModel : routesOfVersion)[form];
      this.#form = form;
      this.#trace.route = route;
      if (request.method !== 'POST') refuseMethod(request, this.#response, 'POST');
      this.#startedAt = this.#trace.row?.startedAt ?? performance.now();
      const name = decoded(target.model);
      const { post } = inferenceRoutes[route];
      const word = sequences === undefined ? post : sequences.wordOf(post, request, this.#response);
      const client = access.admit(word, request, this.#response, name);
      const model = registry.find(name, target.version && decoded(target.version));
      this.#jsonBytes = form === 'infer' ? jsonLength(request) : undefined;
      this.#timeoutMs = headerTimeoutMs(request);
      this.#trace.servedBy = model;
      if (sequences?.has(model)) {
        sequences.pass(request, this.#response, this.#trace).catch((error: unknown) => this.#failedAside(error));
        return;
      }
      permits.take(model.name, client.name);
      this.#model = model;
      this.#trace.guest = this;
      this.#profiled = profiles.admit(request, client, model, this.#trace);
      bodies.receive(request, this.#jsonBytes ?? 0, this);
    } catch (error) {
      if (error instanceof QuotaElsewhere) this.#beginAgain(error, target);
      else this.failed(error);
    }
  }

  /** Of several processes, this one has to ask for a part of the client's quota first. */
  #beginAgain({ bucket }: QuotaElsewhere, target: InferTarget): void {
    bucket.refill().then(
      () => {
        if (!this.#response.destroyed) this.begin(target);
      },
      (error: unknown) => this.failed(error),
    );
  }

  /** The body is here: bytes to tensors, and on to the engine. */
  received(body: Body): void {
    if (this.#over) {
      body.release();
      return;
    }
    this.#body = body;
    const { codec } = this.#parts;
    const { manifest } = this.#model!;
    const jsonBytes = this.#jsonBytes;
    try {
      const { row } = this.#trace;
      row?.bodyReceived(body.bytes.length, jsonBytes === undefined ? wireForm.json : 0);
      if (codec.isLarge(body.bytes, jsonBytes, manifest)) {
        row?.wasAside(wireForm.decodedAside);
        codec.readAside(this.#form, body, jsonBytes, manifest, this).then(
          (call) => this.#submit(call, true),
          (error: unknown) => this.#failedAside(error),
        );
        return;
      }
      // Tensors from JSON are copies; tensors from binary data are views of the body.
      this.#submit(codec.read(this.#form, body.bytes, jsonBytes, manifest), body.isAlone || jsonBytes === undefined);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Who is charged for what is done aside. */
  get client(): string {
    return chargedClient(this.#request);
  }

  #submit(call: InferCall, isOwn: boolean): void {
    if (this.#over) return;
    const model = this.#model!;
    try {
      this.#call = call;
      this.#profiled?.keep(call);
      model.submit(
        {
          inputs: isOwn ? Owned.of(call.inputs) : call.inputs,
          outputs: call.outputs,
          priority: call.priority,
          sequence: call.sequence,
          // There is no profile of an answer that was remembered.
          mustRun: this.#profiled !== undefined,
          deadlineAt:
            this.#startedAt + Math.min(allowedMs(this.#parts.config, model), callersMs(this.#timeoutMs, call)),
          signal: this,
          tenant: this.#trace.tenant,
          follower: this.#trace.row,
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
    try {
      this.#trace.row?.markEngine(stages);
      const { codec } = this.#parts;
      const large = codec.largeOutputs(this.#call!, outputs);
      if (large === undefined) {
        this.#send(outputs);
        return;
      }
      this.#trace.row?.wasAside(wireForm.encodedAside);
      codec.writeAside(outputs, large, this).then(
        (written) => this.#send(outputs, written),
        (error: unknown) => this.#failedAside(error),
      );
    } catch (error) {
      this.failed(error);
    }
  }

  #send(outputs: readonly Tensor[], written?: ReadonlyMap<number, WrittenData>): void {
    if (this.#over) return;
    const { row } = this.#trace;
    try {
      const model = this.#model!;
      const answer =
        this.#form === 'infer'
          ? writeInferAnswer(model, this.#call!, outputs, written)
          : writeGenerateAnswer(model, this.#call!, outputs, this.#form === 'generate_stream', written);
      row?.mark('encode');
      let head = commonHead(this.#trace);
      if (row) head = joinHead(head, headLine('Server-Timing', row.serverTiming()));
      const packing = sendAnswer(this.#parts, this.#request, this.#response, head, answer);
      packing?.catch((error: unknown) => this.#failedAside(error));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Meanwhile the caller may have gone: then nobody waits for an answer. */
  #failedAside(error: unknown): void {
    if (!this.#over) this.failed(error);
  }

  failed(thrown: unknown): void {
    const { config } = this.#parts;
    const call = this.#call;
    const isCallers = call !== undefined && callersMs(this.#timeoutMs, call) < allowedMs(config, this.#model!);
    const error = isCallers ? ofCallersDeadline(thrown) : thrown;
    if (call) this.#trace.inputs = namedInputs(call, this.#model!);
    this.#trace.row?.markEngineFailed();
    answerFailure(error, this.#request, this.#response);
  }

  /**
   * The connection has done with the request: what is held for it is let go, and the engine hears
   * when the caller left before its answer.
   */
  left(answered: boolean): void {
    this.#parts.permits.giveBack(this.#model!.name, chargedClient(this.#request));
    this.#body?.release();
    this.#profiled?.left();
    // Of a connection that broke off, the system may still read what is to be sent.
    if (answered) this.#outputs?.release();
    this.#over = true;
    this.aborted = !answered;
  }
}

const routesOfModel = {
  infer: '/v2/models/:model/infer',
  generate: '/v2/models/:model/generate',
  generate_stream: '/v2/models/:model/generate_stream',
} as const;
const routesOfVersion = {
  infer: '/v2/models/:model/versions/:version/infer',
  generate: '/v2/models/:model/versions/:version/generate',
  generate_stream: '/v2/models/:model/versions/:version/generate_stream',
} as const;

/** What may be recorded of a failed request's inputs. */
export function namedInputs({ inputs }: InferCall, { manifest }: RunnableModel): InputShape[] {
  return shapesOf(inputs).map((input) => asNamed(input, manifest));
}

/** A name that is none of the model's inputs is the caller's, and is not recorded. */
function asNamed(input: InputShape, { inputs }: Manifest): InputShape {
  return inputs.some(({ name }) => name === input.name) ? input : { ...input, name: '(another)' };
}

/** Throws where it cannot be decoded. */
function decoded(part: string): string {
  return part.includes('%') ? decodeURIComponent(part) : part;
}

/**
 * Inference-Header-Content-Length: how much of the body is JSON; 0: none; undefined: the whole
 * body.
 */
function jsonLength(request: Request): number | undefined {
  return wholeHeader(request, 'inference-header-content-length', 0);
}

function headerTimeoutMs(request: Request): number | undefined {
  return wholeHeader(request, 'x-request-timeout-ms', 1);
}

/** Milliseconds: the least of what the headers and the request's parameter allow. */
export function callersMs(timeoutMs: number | undefined, { timeoutUs }: InferCall): number {
  return Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, timeoutUs > 0 ? timeoutUs / 1000 : Number.POSITIVE_INFINITY);
}

/** Milliseconds: the least of what the server and the model allow. */
export function allowedMs({ inferMsMax }: Config, { manifest }: RunnableModel): number {
  return Math.min(inferMsMax, manifest.timeout_ms_max ?? inferMsMax);
}
