import { performance } from 'node:perf_hooks';
import { failures, grpcStatusOf } from '../../errors.ts';
import type { RequestTracing } from '../../http/trace-request.ts';
import { endRequest } from '../../observe/end-request.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { RpcMetrics } from './rpc-metrics.ts';

/** A call, or a request of a stream, has ended: counted, recorded, and its row released. */
export function endCall(
  { tracing, rpcMetrics }: { tracing: RequestTracing | undefined; rpcMetrics: RpcMetrics },
  trace: RequestTrace,
  answered: boolean,
): void {
  const { row } = trace;
  if (tracing === undefined || row === undefined) return;
  if (!answered && trace.streamingAt === undefined) trace.failure ??= 'caller_gone';
  if (row.status === 0) row.status = trace.failure === undefined ? 200 : failures[trace.failure].status;
  const status = trace.failure === undefined ? 'OK' : grpcStatusOf(trace.failure);
  const method = trace.route === 'unmatched' ? '_OTHER' : trace.route.slice(1);
  const { startedAt } = row;
  const { isLook } = trace;
  // Its numbers are gone with the row.
  endRequest(tracing, trace, row, '2', { method, status });
  const tookMs = (trace.streamingAt ?? performance.now()) - startedAt;
  if (!isLook) rpcMetrics.ended(method, status, tookMs, trace.kept === undefined ? undefined : trace.ids);
  trace.row = undefined;
  row.release();
}
