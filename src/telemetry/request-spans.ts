import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { BatchFacts } from '../engine/inference.ts';
import { batchAttributes } from './batch-attributes.ts';
import { batchSpans } from './batch-spans.ts';
import { scopeName, spanNames } from './names.ts';
import { type Ids, newIds, withIds } from './preset-ids.ts';
import { linksTo } from './spans.ts';
import { stageNames, type TimeAccount } from './time-account.ts';

export type EndedRequest = {
  ids: Ids;
  /** The caller's context, or the root. */
  parent: Context;
  name: string;
  attributes: Attributes;
  /** In the milliseconds of performance.now(). */
  startedAt: number;
  tookMs: number;
  /** The server is at fault, with what it says of it. */
  error: string | undefined;
  account: TimeAccount | undefined;
  /** Of the span of the run, where somebody has to know it before it is made. */
  runSpanId?: string | undefined;
  /** What it was in: told on the span of the run, which is linked with the batch's. */
  batch: BatchFacts | undefined;
};

/** Makes the spans of a kept request, after the fact: the server's, and one for each stage that took time. */
export function makeRequestSpans(request: EndedRequest): void {
  const { ids, parent, name, attributes, startedAt, tookMs, error, account, batch } = request;
  const tracer = trace.getTracer(scopeName);
  const startMs = performance.timeOrigin + startedAt;
  const server = withIds(ids, () =>
    tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: startMs, attributes }, parent),
  );
  if (error !== undefined) server.setStatus({ code: SpanStatusCode.ERROR, message: error });
  if (account) {
    const inside = trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED });
    const runIds = { traceId: ids.traceId, spanId: request.runSpanId ?? newIds().spanId };
    let atMs = startMs;
    for (const stage of stageNames) {
      const stageMs = account[stage];
      if (stageMs <= 0) continue;
      const startTime = atMs;
      atMs += stageMs;
      const isRun = stage === 'run';
      const options = { startTime, ...(isRun && batch && inBatch(batch, runIds)) };
      const make = () => tracer.startSpan(spanNames[stage].name, options, inside);
      (isRun ? withIds(runIds, make) : make()).end(atMs);
    }
  }
  server.end(startMs + tookMs);
}

function inBatch(batch: BatchFacts, runIds: Ids) {
  const link = batchSpans.join(batch, { ...runIds, traceFlags: TraceFlags.SAMPLED });
  return { attributes: batchAttributes(batch), links: linksTo([link]) };
}
