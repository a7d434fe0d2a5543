import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import {
  type Attributes,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Request, RequestHandler, Response } from 'express';
import type { BatchFacts, Follower } from '../engine/inference.ts';
import type { ThreadSettings } from '../engine/session-request.ts';
import { type InputShape, inputText } from '../engine/tensor.ts';
import { type FailureCode, type Fault, failures, levelOfFault } from '../errors.ts';
import { faultOfRecord } from '../observe/flight/flight-record.ts';
import type { FlightRecorder } from '../observe/flight/flight-recorder.ts';
import type { TraceKeeper } from '../observe/keep-trace.ts';
import { type AlwaysKept, type KeptBecause, keptReasons } from '../observe/kept-reasons.ts';
import type { ModelUses } from '../observe/model-uses.ts';
import type { RequestMetrics } from '../observe/request-metrics.ts';
import { aroundJob, aroundTask, makeRequestSpans } from '../observe/request-spans.ts';
import type { TaskAsker } from '../observe/task-asker.ts';
import { type TaskStages, TimeAccount } from '../observe/time-account.ts';
import type { TaskKind } from '../task-kinds.ts';
import { type Ids, newIds, sampled } from '../telemetry/ids.ts';
import { log } from '../telemetry/logger.ts';
import { knownMethod } from './known-method.ts';
import { routeOf } from './route-of.ts';

/** The ids of the caller's span. Its tracestate and baggage are free text, and nothing here is called on behalf of the caller that would need them. */
const traceparentOnly: TextMapGetter<IncomingHttpHeaders> = {
  keys: () => ['traceparent'],
  get: ({ traceparent }, key) => (key === 'traceparent' && typeof traceparent === 'string' ? traceparent : undefined),
};

export type RequestTracing = {
  keeper: Pick<TraceKeeper, 'decide'>;
  metrics: RequestMetrics;
  flights?: FlightRecorder | undefined;
  /** Absent where there are no models. */
  uses?: ModelUses | undefined;
};

/** What is known of a request while it is answered; handlers add to it. When it has ended it is the record of itself: another object would only repeat it. */
export class RequestTrace implements Follower, TaskAsker {
  readonly ids: Ids;
  readonly requestId: string;
  readonly method: string;
  readonly parent: Context = ROOT_CONTEXT;
  /**
   * Absent when all telemetry is off: then no clock is read. And when the request is over: another has it then, so whoever answers asks for it here
   * each time.
   */
  account: TimeAccount | undefined;
  /** Set by whoever answers with a failure, and by nobody afterwards. */
  failure: FailureCode | undefined;
  /** The model that did the work, by its name in the registry. */
  servedBy: { name: string; version: string; threads?: ThreadSettings } | undefined;
  /** What kind of task the model worked for; absent where it was asked by itself. */
  task: TaskKind | undefined;
  /** What the task has spent so far, while it is worked on. */
  spending: (() => TaskStages) | undefined;
  /** The model works for a job that the request only asked for: its use is told when the job has ended. */
  isForJob = false;
  /** What may be recorded of the failure's sentence. */
  sentence: string | undefined;
  /** Of a request that failed, as far as they were read: names of the model's, types and shapes. */
  inputs: readonly InputShape[] | undefined;
  tenant = 'anonymous';
  /** What RateLimit says in the answer, where the route takes from a quota. */
  quotaLeft: string | undefined;
  batch: BatchFacts | undefined;
  runsSince: number | undefined;
  /** The route; before the end, where it was found without the router. */
  route: string | undefined;
  /** What it is answered: 0 until that is decided. What the caller does afterwards changes nothing of it. */
  status = 0;
  /** Why its trace is kept, once that is decided. */
  kept: KeptBecause | undefined;
  /** Whoever holds something for the request; hears when the connection has done with it. */
  guest: { left(answered: boolean): void } | undefined;
  /** Whether its operators are profiled, of one that should be. */
  profile: 'taken' | 'busy' | 'too_large' | undefined;
  #runSpanId: string | undefined;
  streamingAt: number | undefined;
  /** Somebody looks at the telemetry: nothing is made of it, unless the service itself fails. */
  isLook = false;
  #always: AlwaysKept | undefined;
  /** By X-Vitrine-Trace: 1. */
  readonly #forced: boolean;

  constructor({ method, headers }: Request, account: TimeAccount | undefined) {
    this.method = knownMethod(method);
    this.account = account;
    if (headers.traceparent !== undefined) this.parent = propagation.extract(ROOT_CONTEXT, headers, traceparentOnly);
    const caller = this.#caller;
    this.ids = caller ? { traceId: caller.traceId, spanId: newIds().spanId } : newIds();
    this.requestId = wellFormed(headers['x-request-id']) ?? this.ids.traceId;
    this.#forced = headers['x-vitrine-trace'] === '1';
  }

  arrived(at: number, waiting: number, waitingBytes: number, running: number, predictedWaitMs: number): void {
    this.account?.arrived(at, waiting, waitingBytes, running, predictedWaitMs);
  }

  batchEnded(batch: BatchFacts): void {
    this.batch = batch;
  }

  expiredInRun(beganAt: number): void {
    this.runsSince = beganAt;
  }

  get model(): string | undefined {
    return this.servedBy?.name;
  }

  get version(): string | undefined {
    return this.servedBy?.version;
  }

  get threads(): ThreadSettings | undefined {
    return this.servedBy?.threads;
  }

  get startedAt(): number {
    return this.account!.startedAt;
  }

  get tookMs(): number {
    return this.account!.tookMs;
  }

  /** The answer is this failure. The first word holds: what follows from it, as a connection that breaks off, is no other failure. */
  decide(failure: FailureCode): void {
    if (this.status !== 0) return;
    this.failure = failure;
    this.status = failures[failure].status;
  }

  /** Whose failure it was, if it failed. */
  get fault(): Fault | undefined {
    return faultOfRecord(this);
  }

  /**
   * From here on it is a stream that goes on for as long as its caller listens. It took as long as until now, and leaving is how it ends: a caller who
   * follows a job for an hour is neither a slow answer nor a failed one.
   */
  beginStream(): void {
    this.streamingAt ??= performance.now();
  }

  /** For a log line of this request. Who asks for it keeps the trace: no line may point to one that is missing. */
  get context(): Context {
    return this.keep('logged');
  }

  /** Keeps the trace, whatever the rates are; answers the context for spans and log lines that belong to it. */
  keep(because: AlwaysKept): Context {
    if (!this.#always || keptReasons.indexOf(because) < keptReasons.indexOf(this.#always)) this.#always = because;
    return trace.setSpanContext(ROOT_CONTEXT, sampled(this.ids));
  }

  /** The span of its run, which is not made before the request has ended. */
  runSpan(): SpanContext {
    this.#runSpanId ??= newIds().spanId;
    return sampled({ traceId: this.ids.traceId, spanId: this.#runSpanId });
  }

  get runSpanId(): string | undefined {
    return this.#runSpanId;
  }

  giveAccountBack(): void {
    this.account?.giveBack();
    this.account = undefined;
  }

  get always(): AlwaysKept | undefined {
    return this.#always;
  }

  /** Who asked for its trace. */
  get wantedBy(): 'forced' | 'caller' | undefined {
    if (this.#forced) return 'forced';
    return ((this.#caller?.traceFlags ?? 0) & TraceFlags.SAMPLED) === 0 ? undefined : 'caller';
  }

  /** Most callers say nothing of a trace: then nothing is looked up. */
  get #caller(): SpanContext | undefined {
    return this.parent === ROOT_CONTEXT ? undefined : trace.getSpanContext(this.parent);
  }
}

export function requestTrace(response: Response): RequestTrace {
  return (response as TracedResponse).trace;
}

/** The headers of every answer, whatever it says. */
export function tellIds(response: Response): void {
  const { ids, requestId } = requestTrace(response);
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('traceresponse', `00-${ids.traceId}-${ids.spanId}-01`);
}

/** What was done for the answer is over: tells the caller where its time went. For answers that write no headers of their own. */
export function tellStages(response: Response): void {
  const { account } = requestTrace(response);
  if (!account) return;
  response.setHeader('Server-Timing', account.taskTiming());
}

type TracedResponse = Response & { trace: RequestTrace };

/**
 * Gives every request its ids at its first byte; when it has ended, counts it, and decides whether its spans and its log line are made. Nothing the caller
 * wrote is recorded but a well-formed request id and trace context: no headers, no query, no path that is not a route of ours.
 * Without `tracing` all telemetry is off: ids are all there is.
 */
export function beginTrace(tracing: RequestTracing | undefined, request: Request, response: Response): RequestTrace {
  const told = new RequestTrace(request, tracing && TimeAccount.take());
  (response as TracedResponse).trace = told;
  // One listener for all who want to know.
  response.on('close', () => {
    const answered = response.writableFinished;
    told.guest?.left(answered);
    if (!tracing) return;
    if (!answered && told.streamingAt === undefined) told.failure ??= 'caller_gone';
    // Who left before anything was decided got no status of ours; 499 is what proxies call it.
    if (told.status === 0) told.status = response.headersSent ? response.statusCode : failures.caller_gone.status;
    told.route ??= routeOf(request);
    if (hasEnded(told)) endRequest(tracing, told, request);
    told.giveAccountBack();
  });
  return told;
}

/** For what goes through the router. */
export function traceRequest(tracing: RequestTracing | undefined): RequestHandler {
  return (request, response, next) => {
    beginTrace(tracing, request, response);
    tellIds(response);
    next();
  };
}

function endRequest({ keeper, metrics, flights, uses }: RequestTracing, told: EndedRequest, request: Request): void {
  const { account, method, route, status, failure, fault } = told;
  // Its caller has left, and the task will hear of it.
  if (told.spending) account.markTask(told.spending());
  account.close(told.streamingAt);
  const { tookMs } = told;
  if (told.isLook && failure !== 'internal' && failure !== 'page_not_made') return;
  metrics.answered(method, route, status, fault, tookMs);
  if (failure) metrics.failed(route, failure);
  if (isOfModel(told)) uses?.ended(told);
  const kept = keeper.decide(told, told.wantedBy, told.always);
  told.kept = kept;
  flights?.add(told);
  if (kept === undefined) return;
  metrics.kept(kept);
  tell(told, kept, request.httpVersion);
}

type EndedRequest = RequestTrace & { readonly account: TimeAccount; readonly route: string };

function hasEnded(told: RequestTrace): told is EndedRequest {
  return told.account !== undefined && told.route !== undefined;
}

function isOfModel(told: EndedRequest): told is EndedRequest & { readonly model: string } {
  return told.servedBy !== undefined && !told.isForJob;
}

function tell(told: EndedRequest, kept: KeptBecause, protocol: string): void {
  const { method, route, status, failure, fault, sentence, inputs, startedAt, tookMs, account, servedBy } = told;
  const attributes: Attributes = {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'request.id': told.requestId,
    tenant: told.tenant,
    'vitrine.trace.kept': kept,
    ...(told.profile && { 'inference.profile': told.profile }),
    ...(failure && { 'error.type': failure }),
    ...(fault && { fault }),
    ...(sentence !== undefined && { 'error.message': sentence }),
    ...(told.task && { 'task.kind': told.task }),
    ...(servedBy && { 'inference.model.name': servedBy.name, 'inference.model.version': servedBy.version }),
  };
  log(
    'access',
    fault === undefined ? 'info' : levelOfFault[fault],
    `${method} ${route} ${status} ${tookMs.toFixed(1)} ms`,
    {
      event_type: 'http_request',
      ...(attributes as Record<string, string | number>),
      duration_ms: Math.round(tookMs * 1000) / 1000,
    },
    told.context,
  );
  makeRequestSpans({
    ids: told.ids,
    parent: told.parent,
    name: `${method} ${route}`,
    attributes: {
      ...attributes,
      'url.scheme': 'http',
      'network.protocol.version': protocol,
      ...(inputs && { 'inference.input.shapes': inputs.map(inputText) }),
    },
    startedAt,
    tookMs,
    // By the conventions, a server span is an error only when the server is at fault.
    error:
      fault === 'server'
        ? failure
          ? failures[failure].means
          : 'The answer says that the server is at fault.'
        : undefined,
    account: servedBy || told.task ? account : undefined,
    stages: told.task && (told.isForJob ? aroundJob : aroundTask),
    batch: told.batch,
    runSpanId: told.runSpanId,
  });
}

function wellFormed(requestId: string | string[] | undefined): string | undefined {
  return typeof requestId === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(requestId) ? requestId : undefined;
}
