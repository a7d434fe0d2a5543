import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { ThreadSettings } from '../engine/session-request.ts';
import type { InputShape } from '../engine/tensor.ts';
import { type FailureCode, type Fault, failures } from '../errors.ts';
import { type HeadValue, headValue } from '../head-lines.ts';
import type { TaskKind } from '../task-kinds.ts';
import { type HeadIds, newIds, sampled } from '../telemetry/ids.ts';
import { faultOfRecord, type RequestWords, type TaskWaits } from './flight/flight-record.ts';
import type { RequestRow } from './flight/request-row.ts';
import { type AlwaysKept, type KeptBecause, keptReasons } from './kept-reasons.ts';
import type { TaskStages } from './stages.ts';
import type { TaskAsker } from './task-asker.ts';

/**
 * The ids of the caller's span. Its tracestate and baggage are free text, and nothing here is
 * called on behalf of the caller that would need them.
 */
const traceparentOnly: TextMapGetter<IncomingHttpHeaders> = {
  keys: () => ['traceparent'],
  get: ({ traceparent }, key) => (key === 'traceparent' && typeof traceparent === 'string' ? traceparent : undefined),
};

/** What is known of a request in words while it is answered; handlers add to it. */
export class RequestTrace implements RequestWords, TaskAsker {
  /** Its own ids, or the ids of the request that another process passed on. */
  ids: HeadIds;
  readonly requestId: HeadValue;
  readonly method: string;
  readonly parent: Context = ROOT_CONTEXT;
  /**
   * Its numbers. Absent when all telemetry is off, for then no clock is read, and when the request
   * is over.
   */
  row: RequestRow | undefined;
  failure: FailureCode | undefined;
  /** The model that did the work, by its name in the registry. */
  servedBy: { name: string; version: string; threads?: ThreadSettings | undefined } | undefined;
  task: TaskKind | undefined;
  spending: (() => TaskStages) | undefined;
  /**
   * The model works for a job that the request only asked for: its use is counted when the job has
   * ended.
   */
  isForJob = false;
  sentence: string | undefined;
  inputs: readonly InputShape[] | undefined;
  waits: TaskWaits | undefined;
  tenant = 'anonymous';
  /** What RateLimit says in the answer, where the route takes from a quota. */
  quotaLeft: HeadValue | undefined;
  /** What RateLimit-Policy says, where nothing was left. */
  quotaPolicy: HeadValue | undefined;
  /** Before the end, where it was found without the router. */
  route = '';
  kept: KeptBecause | undefined;
  /** Who holds something for the request; hears when the connection has done with it. */
  guest: { left(answered: boolean): void } | undefined;
  /** Whether its operators are profiled, of one that should be. */
  profile: 'taken' | 'busy' | 'too_large' | undefined;
  /** Of the span of its run, where somebody has to know it before it is made. */
  runSpanId: string | undefined;
  streamingAt: number | undefined;
  /**
   * Somebody looks at the telemetry, or waits for a start or a stop: the request is not recorded,
   * unless the service itself fails.
   */
  isLook = false;
  always: AlwaysKept | undefined;
  /** By X-Vitrine-Trace: 1. */
  readonly #forced: boolean;

  constructor(method: string, headers: IncomingHttpHeaders, row: RequestRow | undefined) {
    this.method = method;
    this.row = row;
    this.ids = row?.ids ?? newIds();
    if (headers.traceparent !== undefined) this.parent = propagation.extract(ROOT_CONTEXT, headers, traceparentOnly);
    const caller = this.#caller;
    if (caller) {
      const traceId = headValue(caller.traceId);
      this.ids = row?.joinTrace(traceId) ?? { ...this.ids, traceId };
    }
    this.requestId = wellFormed(headers['x-request-id']) ?? this.ids.traceId;
    this.#forced = headers['x-vitrine-trace'] === '1';
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

  /**
   * The answer is this failure. The first word holds: what follows from it, as a connection that
   * breaks off, is no other failure.
   */
  decide(failure: FailureCode): void {
    if (this.row?.status !== 0) return;
    this.failure = failure;
    this.row.status = failures[failure].status;
  }

  /** Whose failure it was, if it failed. */
  faultOf(status: number): Fault | undefined {
    return faultOfRecord({ failure: this.failure, status });
  }

  /**
   * From here on it is a stream that goes on for as long as its caller listens. It took as long as
   * until now, and leaving is how it ends: a caller who follows a job for an hour is neither a slow
   * answer nor a failed one.
   */
  beginStream(): void {
    this.streamingAt ??= performance.now();
  }

  /**
   * For a log line of this request. Who asks for it keeps the trace: no line may point to one that
   * is missing.
   */
  get context(): Context {
    return this.keep('logged');
  }

  /**
   * Keeps the trace, whatever the rates are; answers the context for spans and log lines that
   * belong to it.
   */
  keep(because: AlwaysKept): Context {
    if (!this.always || keptReasons.indexOf(because) < keptReasons.indexOf(this.always)) this.always = because;
    return trace.setSpanContext(ROOT_CONTEXT, sampled(this.ids));
  }

  /** The span of its run, which is not made before the request has ended. */
  runSpan(): SpanContext {
    this.runSpanId ??= newIds().spanId;
    return sampled({ traceId: this.ids.traceId, spanId: this.runSpanId });
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

function wellFormed(requestId: string | string[] | undefined): HeadValue | undefined {
  return typeof requestId === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(requestId) ? headValue(requestId) : undefined;
}
