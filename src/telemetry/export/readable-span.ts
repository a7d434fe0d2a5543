import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

import type { FinishedSpan } from '../spans.ts';
import { ourScope } from './scope.ts';

const none: never[] = [];

/**
 * A span of ours as the SDK's serializer reads it. A span of the SDK has a clock, limits and
 * checks: six times the work.
 */
export class FinishedReadableSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: ReadableSpan['status'];
  readonly attributes: Attributes;
  readonly links: Link[];
  readonly events: ReadableSpan['events'] = none;
  readonly resource: ReadableSpan['resource'];
  readonly #context: SpanContext;

  constructor(span: FinishedSpan, context: SpanContext, resource: ReadableSpan['resource']) {
    const { name, kind, parent, startMs, endMs, attributes, links, error } = span;
    this.name = name;
    this.kind = kind ?? SpanKind.INTERNAL;
    if (parent) this.parentSpanContext = parent;
    this.startTime = timeOf(startMs);
    this.endTime = timeOf(Math.max(startMs, endMs));
    this.status = error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error };
    this.attributes = attributes ?? {};
    this.links = links?.map((linked) => ({ context: linked })) ?? none;
    this.resource = resource;
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  get duration(): HrTime {
    const [seconds, nanoseconds] = this.endTime;
    const [sinceSeconds, sinceNanoseconds] = this.startTime;
    const rest = nanoseconds - sinceNanoseconds;
    return rest < 0 ? [seconds - sinceSeconds - 1, rest + 1e9] : [seconds - sinceSeconds, rest];
  }

  get instrumentationScope(): ReadableSpan['instrumentationScope'] {
    return ourScope;
  }

  get ended(): boolean {
    return true;
  }

  get droppedAttributesCount(): number {
    return 0;
  }

  get droppedEventsCount(): number {
    return 0;
  }

  get droppedLinksCount(): number {
    return 0;
  }
}

function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
