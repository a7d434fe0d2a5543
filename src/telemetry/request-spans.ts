import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { scopeName } from './names.ts';
import { type Ids, withIds } from './preset-ids.ts';
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
  /** On the span of the run: batch, lane, provider. */
  run: Attributes | undefined;
};

/** Makes the spans of a kept request, after the fact: the server's, and one for each stage that took time. */
export function makeRequestSpans(request: EndedRequest): void {
  const { ids, parent, name, attributes, startedAt, tookMs, error, account, run } = request;
  const tracer = trace.getTracer(scopeName);
  const startMs = performance.timeOrigin + startedAt;
  const server = withIds(ids, () =>
    tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: startMs, attributes }, parent),
  );
  if (error !== undefined) server.setStatus({ code: SpanStatusCode.ERROR, message: error });
  if (account) {
    const inside = trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED });
    let atMs = startMs;
    for (const stage of stageNames) {
      const stageMs = account[stage];
      if (stageMs <= 0) continue;
      const options = { startTime: atMs, ...(stage === 'run' && run ? { attributes: run } : {}) };
      atMs += stageMs;
      tracer.startSpan(`inference.${stage}`, options, inside).end(atMs);
    }
  }
  server.end(startMs + tookMs);
}
