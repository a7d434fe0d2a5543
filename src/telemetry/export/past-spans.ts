import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { type Ids, newIds, sampled } from '../ids.ts';
import { scopeName } from '../names/names.ts';
import { linksTo } from '../spans.ts';

/** Something that is over when its span is made: its ids, its times and how it ended are known. */
export type Past = {
  readonly name: string;
  /** Ids that were told before; left out: new ones, in the trace of the parent. */
  readonly ids?: Ids;
  /** What it is a part of; left out: nothing, it begins its trace. */
  readonly parent?: SpanContext | undefined;
  readonly kind?: SpanKind;
  /** In milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Attributes;
  /** Links have no attributes: nothing in the Collector could mask those. */
  readonly links?: readonly SpanContext[];
  /** Why it failed, where it did. */
  readonly error?: string | undefined;
};

/** Where the spans go, and who tells them. */
export type PastSpansTaker = { readonly resource: ReadableSpan['resource']; add(span: ReadableSpan): void };

let taker: PastSpansTaker | undefined;

export function givePastSpansTo(next: PastSpansTaker | undefined): void {
  taker = next;
}

/**
 * Makes the span of what is over. The SDK's own spans have a clock, limits and checks for what may still come: six times the work, for the nine
 * spans of each request that is kept.
 */
export function tellPast(past: Past): void {
  taker?.add(new PastSpan(past, taker.resource));
}

const scope: ReadableSpan['instrumentationScope'] = { name: scopeName };

class PastSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: Link[];
  readonly resource: ReadableSpan['resource'];
  readonly #context: SpanContext;

  constructor(
    { name, ids, parent, kind, startMs, endMs, attributes, links, error }: Past,
    resource: PastSpan['resource'],
  ) {
    this.name = name;
    this.kind = kind ?? SpanKind.INTERNAL;
    if (parent) this.parentSpanContext = parent;
    this.startTime = timeOf(startMs);
    this.endTime = timeOf(Math.max(startMs, endMs));
    this.status = error === undefined ? unset : { code: SpanStatusCode.ERROR, message: error };
    this.attributes = attributes ?? {};
    this.links = links === undefined ? none : linksTo(links);
    this.resource = resource;
    const own = sampled(ids ?? newIds());
    if (ids === undefined && parent) own.traceId = parent.traceId;
    this.#context = own;
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
    return scope;
  }

  get events(): ReadableSpan['events'] {
    return none;
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

const none: never[] = [];
const unset: SpanStatus = { code: SpanStatusCode.UNSET };

function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
