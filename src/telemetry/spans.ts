import { type Attributes, type Context, context, type SpanContext, type SpanKind, trace } from '@opentelemetry/api';
import { failures, faultOf, recordedReason, recordedStack, ServiceError } from '../errors.ts';
import { type Ids, newIds, sampled } from './ids.ts';
import { log } from './logger.ts';
import { attribute, type SpanName, spanNames } from './names/names.ts';

/** A span whose end is known. */
export type FinishedSpan = {
  readonly name: string;
  /** Left out: new ids, in the trace of the parent. */
  readonly ids?: Ids;
  /** Left out: the span begins its trace. */
  readonly parent?: SpanContext | undefined;
  /** Left out: internal. */
  readonly kind?: SpanKind;
  /** In milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Attributes;
  /**
   * Spans it belongs to without being part of them. Links have no attributes: the Collector could not
   * mask those.
   */
  readonly links?: readonly SpanContext[];
  /** Why it failed. */
  readonly error?: string | undefined;
};

export type SpanSink = { add(span: FinishedSpan, context: SpanContext): void };

let sink: SpanSink | undefined;

/** Where the spans of this process go, from its start to its stop. */
export function setSpanSink(next: SpanSink | undefined): void {
  sink = next;
}

export function spansAreExported(): boolean {
  return sink !== undefined;
}

/** Exports a span, and returns its context for spans within it. */
export function recordSpan(span: FinishedSpan): SpanContext {
  const own = sampled(span.ids ?? idsWithin(span.parent));
  sink?.add(span, own);
  return own;
}

/** New ids for a span of the parent's trace, or of a new trace. */
export function idsWithin(parent: SpanContext | undefined): Ids {
  const ids = newIds();
  return parent ? { traceId: parent.traceId, spanId: ids.spanId } : ids;
}

export type SpanOptions = {
  attributes?: Attributes;
  /** What it is part of; left out: the span that is active, or none. */
  parent?: Context;
  /** Spans that it is linked with. */
  links?: readonly SpanContext[];
};

/** A span that is not over yet. */
export class LiveSpan {
  /** For what happens within it. */
  readonly context: Context;
  readonly attributes: Attributes;
  failure: Pick<FinishedSpan, 'error'> = {};

  constructor(context: Context, attributes: Attributes | undefined) {
    this.context = context;
    this.attributes = { ...attributes };
  }

  setAttributes(attributes: Attributes): void {
    Object.assign(this.attributes, attributes);
  }

  fail(error: unknown): void {
    const { attributes, ...failure } = failureOf(error);
    this.setAttributes(attributes);
    this.failure = failure;
    if (!(error instanceof ServiceError)) logException(error, this.context);
  }
}

/**
 * Does work in a span that is always exported; spans begun within it are its children. A failure is
 * on the span, by its code, and goes on to the caller. For tasks, jobs and loads; a request records
 * its spans when it has ended.
 */
export async function inSpan<Result>(
  name: SpanName,
  { attributes, parent = context.active(), links }: SpanOptions,
  work: (span: LiveSpan) => Promise<Result> | Result,
): Promise<Result> {
  const parentSpan = trace.getSpanContext(parent);
  const ids = idsWithin(parentSpan);
  const span = new LiveSpan(trace.setSpanContext(parent, sampled(ids)), attributes);
  const startMs = performance.timeOrigin + performance.now();
  try {
    return await context.with(span.context, () => work(span));
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    recordSpan({
      name: spanNames[name].name,
      ids,
      parent: parentSpan,
      startMs,
      endMs: performance.timeOrigin + performance.now(),
      attributes: span.attributes,
      ...(links && { links }),
      ...span.failure,
    });
  }
}

/** A failure as a span has it: without the words of the caller. */
export function failureOf(error: unknown): { readonly attributes: Attributes } & Pick<FinishedSpan, 'error'> {
  const code = error instanceof ServiceError ? error.code : 'internal';
  const attributes = { [attribute.errorType]: code, [attribute.fault]: faultOf(code) };
  if (error instanceof ServiceError) return { attributes, error: error.recorded };
  return { attributes, error: failures[code].means };
}

/** As a log record with the ids of the span: events of spans are deprecated. */
function logException(error: unknown, within: Context): void {
  const fields = { [attribute.eventType]: 'exception' as const, ...exceptionFields(error) };
  log('app', 'warn', `An unexpected error ended a span: ${recordedReason(error)}`, fields, within);
}

/** By OpenTelemetry's names for exceptions. */
export function exceptionFields(error: unknown): Record<string, string> {
  return {
    [attribute.exceptionType]: error instanceof Error ? error.name : 'Error',
    [attribute.exceptionMessage]: recordedReason(error),
    [attribute.exceptionStack]: recordedStack(error),
  };
}
