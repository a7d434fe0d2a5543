import type { Attributes } from '@opentelemetry/api';
import { inputText } from '../engine/tensor.ts';
import { failures, type GrpcStatus, levelOfFault } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import type { Exemplar } from '../telemetry/meter.ts';
import { attribute } from '../telemetry/names/names.ts';
import { spansAreExported } from '../telemetry/spans.ts';
import type { FlightRecorder } from './flight/flight-recorder.ts';
import type { RequestRow } from './flight/request-row.ts';
import type { TraceKeeper } from './keep-trace.ts';
import type { ModelUses } from './model-uses.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { aroundJob, aroundTask, makeRequestSpans } from './request-spans.ts';
import type { RequestTrace } from './request-trace.ts';
import type { SlowBecause, SlowExplainer } from './why/explain-slow.ts';

/** Who hears of requests that have ended. */
export type RequestEnds = {
  /** What the port speaks. */
  readonly scheme: 'http' | 'https';
  readonly keeper: Pick<TraceKeeper, 'decide' | 'weight'>;
  readonly metrics: RequestMetrics;
  readonly flights?: FlightRecorder | undefined;
  /** Absent where there are no models. */
  readonly uses?: ModelUses | undefined;
  /** Absent where nothing is remembered. */
  readonly slow?: SlowExplainer | undefined;
};

/**
 * Counts a request that has ended, remembers it, and decides whether its spans and its log line are
 * made.
 */
export function endRequest(
  { scheme, keeper, metrics, flights, uses, slow }: RequestEnds,
  trace: RequestTrace,
  row: RequestRow,
  protocol: string,
  rpc?: Rpc,
): void {
  const { method, route, failure, servedBy, task, tenant } = trace;
  // The caller has left while the task works.
  if (trace.spending) row.markTask(trace.spending());
  row.close(trace.streamingAt);
  metrics.ended(method);
  if (trace.isLook && failure !== 'internal' && failure !== 'page_not_made') return;
  const { status } = row;
  metrics.answered(method, route, status, trace.faultOf(status), row);
  if (failure) metrics.failed(route, failure);
  if (servedBy && !trace.isForJob) uses?.ended({ model: servedBy.name, task, tenant, row, failure });
  trace.kept = keeper.decide(row, trace, trace.wantedBy, trace.always);
  if (trace.kept !== undefined) {
    metrics.kept(trace.kept);
    if (spansAreExported()) metrics.exemplify(trace, row, exemplarOf(trace, row));
    const because = trace.kept === 'slow' ? slow?.because(row.record(trace)) : undefined;
    record(trace, row, { protocol, scheme, rpc, because, weight: keeper.weight });
  }
  flights?.add(row, trace);
}

/** What a call of gRPC is by the conventions, beside the request that carries it. */
export type Rpc = { readonly method: string; readonly status: GrpcStatus };

type Around = {
  readonly protocol: string;
  readonly scheme: RequestEnds['scheme'];
  readonly rpc: Rpc | undefined;
  readonly because: SlowBecause | undefined;
  readonly weight: number;
};

function exemplarOf({ ids }: RequestTrace, { tookMs }: RequestRow): Exemplar {
  return { value: tookMs / 1000, atMs: Date.now(), traceId: ids.traceId, spanId: ids.spanId };
}

function record(trace: RequestTrace, row: RequestRow, { protocol, scheme, rpc, because, weight }: Around): void {
  const { method, route, failure, sentence, inputs, servedBy, task } = trace;
  const { status, startedAt, tookMs } = row;
  const fault = trace.faultOf(status);
  const attributes: Attributes = {
    [attribute.httpMethod]: method,
    [attribute.httpRoute]: route,
    ...statusAttributes(status, rpc),
    [attribute.requestId]: trace.requestId,
    tenant: trace.tenant,
    [attribute.traceKept]: trace.kept,
    ...(trace.profile && { [attribute.profile]: trace.profile }),
    ...(failure && { [attribute.errorType]: failure }),
    ...(fault && { fault }),
    ...(row.firstPartMs > 0 && { [attribute.firstPartMs]: Math.round(row.firstPartMs * 1000) / 1000 }),
    ...(row.cacheOutcome && { [attribute.cache]: row.cacheOutcome }),
    ...(sentence !== undefined && { [attribute.errorMessage]: sentence }),
    ...(task && { [attribute.taskKind]: task }),
    ...(servedBy && { [attribute.modelName]: servedBy.name, [attribute.modelVersion]: servedBy.version }),
  };
  log(
    'access',
    fault === undefined ? 'info' : levelOfFault[fault],
    `${rpc === undefined ? `${method} ${route} ${status}` : `gRPC ${rpc.method} ${rpc.status}`} ${tookMs.toFixed(1)} ms`,
    {
      event_type: rpc === undefined ? 'http_request' : 'rpc_request',
      ...(attributes as Record<string, string | number>),
      duration_ms: Math.round(tookMs * 1000) / 1000,
      ...(because && {
        [attribute.slowCause]: because.cause,
        [attribute.slowSentence]: because.sentence,
        ...(because.aloneMs !== undefined && { [attribute.aloneMs]: Math.round(because.aloneMs * 1000) / 1000 }),
      }),
    },
    trace.context,
  );
  makeRequestSpans({
    ids: trace.ids,
    parent: trace.parent,
    name: rpc?.method ?? `${method} ${route}`,
    attributes: {
      ...attributes,
      [attribute.urlScheme]: scheme,
      [attribute.traceWeight]: weight,
      [attribute.httpVersion]: protocol,
      ...(inputs && { [attribute.inputShapes]: inputs.map(inputText) }),
    },
    startedAt,
    tookMs,
    // By the conventions, a server span is an error only when the server is at fault.
    error: fault === 'server' ? serverErrorOf(failure) : undefined,
    stages: servedBy || task ? row.stages : undefined,
    withSpans: task && (trace.isForJob ? aroundJob : aroundTask),
    batch: row.batch,
    steps: row.steps,
    runSpanId: trace.runSpanId,
  });
}

/** Over gRPC the status of HTTP is 200 whatever came of the call. */
function statusAttributes(status: number, rpc: Rpc | undefined): Attributes {
  if (rpc === undefined) return { [attribute.httpStatus]: status };
  return { [attribute.rpcSystem]: 'grpc', [attribute.rpcMethod]: rpc.method, [attribute.rpcStatus]: rpc.status };
}

function serverErrorOf(failure: RequestTrace['failure']): string {
  return failure ? failures[failure].means : 'The answer says that the server is at fault.';
}
