import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { failures, faultOf, recordedReason, recordedStack, ServiceError } from '../errors.ts';
import { type SpanName, scopeName, spanNames } from './names/names.ts';

export type SpanOptions = {
  attributes?: Attributes;
  /** What it is part of; left out: the span that is active, or none. */
  parent?: Context;
  /** What it belongs to without being part of it. Links have no attributes: nothing in the Collector could mask those. */
  links?: readonly SpanContext[];
};

/**
 * Does work in a span that is always kept; spans begun inside it are its children. A failure is on the span, by its code, and goes on to the caller.
 * For tasks, jobs and loads: what is done thousands of times a second is told after the fact instead, in request-spans.ts.
 */
export async function inSpan<Result>(
  name: SpanName,
  options: SpanOptions,
  work: (span: Span) => Promise<Result> | Result,
): Promise<Result> {
  const parent = options.parent ?? context.active();
  const span = trace
    .getTracer(scopeName)
    .startSpan(
      spanNames[name].name,
      { kind: SpanKind.INTERNAL, attributes: options.attributes ?? {}, links: linksTo(options.links ?? []) },
      parent,
    );
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    recordFailure(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Puts a failure on a span, without the words of the caller. */
export function recordFailure(span: Span, error: unknown): void {
  const code = error instanceof ServiceError ? error.code : 'internal';
  span.setAttribute('error.type', code);
  span.setAttribute('fault', faultOf(code));
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof ServiceError ? error.recorded : failures[code].means,
  });
  if (!(error instanceof ServiceError))
    span.recordException({
      name: error instanceof Error ? error.name : 'Error',
      message: recordedReason(error),
      stack: recordedStack(error),
    });
}

export function linksTo(contexts: readonly SpanContext[]): Link[] {
  return contexts.map((linked) => ({ context: linked }));
}
