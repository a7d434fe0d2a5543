import type { Request, RequestHandler, Response } from 'express';
import type { Config } from '../config.ts';
import type { LoadedModel } from '../engine/model.ts';
import type { Registry } from '../engine/registry.ts';
import { ServiceError } from '../errors.ts';
import type { Body } from './body.ts';
import type { BodyReader } from './body-reader.ts';
import type { Client } from './clients.ts';
import type { Door } from './door.ts';
import type { InferCall } from './open-inference/infer-call.ts';
import { readInferRequest } from './open-inference/read-infer-request.ts';
import { readRawRequest } from './open-inference/read-raw-request.ts';
import { writeInferAnswer } from './open-inference/write-infer-answer.ts';
import type { Permits } from './permits.ts';
import { sendAnswer } from './send-answer.ts';
import { takeQuota } from './take-quota.ts';
import { requestTrace } from './trace-request.ts';

export type InferParts = {
  config: Config;
  door: Door;
  registry: Registry;
  bodies: BodyReader;
  permits: Permits;
};

/** One inference over HTTP: who, how many, which model, the bytes to tensors, the engine, the tensors to bytes. */
export function infer(parts: InferParts): RequestHandler {
  const { config, door, registry, bodies, permits } = parts;
  return async (request, response) => {
    const told = requestTrace(response);
    const { account } = told;
    const receivedAt = account?.startedAt ?? performance.now();
    door.refuseForeignPages(request);
    const client = door.identify(request);
    told.tenant = client.tenant;
    takeQuota(client, 'infer', response);
    const model = findAllowed(registry, client, request);
    const jsonBytes = jsonLength(request);
    const timeoutMs = headerTimeoutMs(request);
    told.model = model;
    permits.take(model.name);
    const stay = new Stay(response, () => permits.giveBack(model.name));

    const body = stay.hold(await bodies.read(request, jsonBytes ?? 0));
    account?.mark('receive');
    const call =
      jsonBytes === 0 && body.bytes.length > 0
        ? readRawRequest(body.bytes, model.manifest)
        : readInferRequest(body.bytes, jsonBytes, config.jsonBytesMax);
    account?.mark('decode');

    const { outputs, stages } = await model.infer({
      inputs: call.inputs,
      ...(call.outputs && { outputs: call.outputs }),
      priority: call.priority,
      deadlineAt: receivedAt + shortest(config, model, call, timeoutMs),
      signal: stay.signal,
      // Tensors from JSON are made anew; those from binary data are views of the body.
      mayTakeBuffers: body.isAlone || jsonBytes === undefined,
      follower: account && told,
    });
    account?.markEngine(stages);
    const answer = writeInferAnswer(model, call, outputs);
    account?.mark('encode');
    if (account) response.setHeader('Server-Timing', account.serverTiming());
    await sendAnswer(request, response, answer, config);
  };
}

/** A request's time in the service: what it holds is let go when its connection has done with it, and the engine hears when the caller leaves before. */
class Stay {
  readonly #abort = new AbortController();
  readonly #letGo: () => void;
  #body: Body | undefined;
  #over = false;

  constructor(response: Response, letGo: () => void) {
    this.#letGo = letGo;
    response.once('close', () => {
      this.#over = true;
      this.#letGo();
      this.#body?.release();
      if (!response.writableFinished) this.#abort.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  hold(body: Body): Body {
    if (this.#over) body.release();
    else this.#body = body;
    return body;
  }
}

/** The model and version of the path, if this client may use it. One it may not use is named in the refusal: the caller named it first. */
export function findAllowed(registry: Registry, client: Client, request: Request): LoadedModel {
  const { model, version } = request.params as { model: string; version?: string };
  if (client.key && !client.key.mayUse(model))
    throw new ServiceError(
      'forbidden',
      'Cannot use this model: the API key does not include it; ask its owner to add it to "models".',
    );
  return registry.find(model, version);
}

/** Inference-Header-Content-Length: how much of the body is JSON; 0: none of it; undefined: all of it. */
function jsonLength(request: Request): number | undefined {
  return wholeHeader(request, 'inference-header-content-length', 0);
}

function headerTimeoutMs(request: Request): number | undefined {
  return wholeHeader(request, 'x-request-timeout-ms', 1);
}

function wholeHeader(request: Request, name: string, min: number): number | undefined {
  const given = request.headers[name];
  if (given === undefined) return undefined;
  const value = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : -1;
  if (value >= min) return value;
  throw new ServiceError(
    'invalid_request',
    `Cannot take the request: its header ${name} is no whole number of at least ${min}; correct it or leave it out.`,
  );
}

/** Milliseconds: the least of what the server, the model, the header and the request's parameter allow. */
function shortest(config: Config, model: LoadedModel, call: InferCall, timeoutMs: number | undefined): number {
  return Math.min(
    config.inferMsMax,
    model.manifest.timeout_ms_max ?? config.inferMsMax,
    timeoutMs ?? config.inferMsMax,
    call.timeoutUs > 0 ? call.timeoutUs / 1000 : config.inferMsMax,
  );
}
