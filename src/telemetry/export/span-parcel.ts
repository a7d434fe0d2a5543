import type { HrTime, Link, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { type OtlpRequest, requestBytesMax } from './otlp-requests.ts';
import type { Parcel } from './outbox.ts';
import { bytesOfVarint, ProtobufBytes, wireTypes } from './protobuf-bytes.ts';

// The wire form of opentelemetry/proto/collector/trace/v1: field numbers are from there.

const { varint, eightBytes, length, fourBytes } = wireTypes;

/**
 * Spans on their way to becoming OTLP requests: each is written when it comes, so that what waits is bytes. As objects, those of a kept request outlived
 * collections of garbage, and were written later all the same. Byte for byte it is what the official serializer makes of them, in a third of the time: that
 * goes twice over every span.
 */
export class SpanParcel implements Parcel<ReadableSpan, OtlpRequest[]> {
  readonly #itemsMax: number;
  readonly #bytesMax: number;
  #requests: OtlpRequest[] = [];
  /** The request that is being written: what is finished of it, and the spans of one scope. */
  #finished: Uint8Array[] = [];
  #finishedBytes = 0;
  #items = 0;
  readonly #spans = new ProtobufBytes();
  #origin: Origin | undefined;
  #envelope = noEnvelope;
  count = 0;

  constructor({ itemsMax, bytesMax = requestBytesMax }: { itemsMax: number; bytesMax?: number }) {
    this.#itemsMax = itemsMax;
    this.#bytesMax = bytesMax;
  }

  get isFull(): boolean {
    return this.count >= this.#itemsMax || this.#requests.length > 0;
  }

  add(span: ReadableSpan): void {
    if (span.resource !== this.#origin?.resource || span.instrumentationScope !== this.#origin.instrumentationScope)
      this.#begin(span);
    const from = this.#spans.size;
    to = this.#spans;
    writeSpan(span);
    this.count += 1;
    if (this.#items > 0 && this.#finishedBytes + this.#envelope.bytes + this.#spans.size > this.#bytesMax) {
      const last = this.#spans.cut(from);
      this.#close();
      this.#spans.raw(last);
    }
    this.#items += 1;
  }

  /** The requests of all that came since the last time. One above the limit holds a single span: too large. */
  take(): OtlpRequest[] {
    this.#close();
    const requests = this.#requests;
    this.#requests = [];
    this.count = 0;
    return requests;
  }

  #begin(origin: Origin): void {
    this.#finish();
    this.#envelope = envelopeOf(origin);
    this.#origin = origin;
  }

  #close(): void {
    this.#finish();
    if (this.#items > 0) this.#requests.push({ bytes: joined(this.#finished), items: this.#items });
    this.#finished = [];
    this.#finishedBytes = 0;
    this.#items = 0;
  }

  /** The spans of one scope, with what goes around them. */
  #finish(): void {
    if (this.#spans.size === 0) return;
    const { resource, scope, resourceEnd, scopeEnd } = this.#envelope;
    const spans = this.#spans.take();
    const scopeBytes = scope.length + spans.length + scopeEnd.length;
    around.tag(1, length);
    around.varint(resource.length + 1 + bytesOfVarint(scopeBytes) + scopeBytes + resourceEnd.length);
    around.raw(resource);
    around.tag(2, length);
    around.varint(scopeBytes);
    for (const part of [scope, spans, scopeEnd, resourceEnd]) around.raw(part);
    const finished = around.take();
    this.#finished.push(finished);
    this.#finishedBytes += finished.length;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first ? first : Buffer.concat(parts);
}

type Origin = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

/** What stands before and behind the spans of one scope. */
type Envelope = {
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
  readonly scopeEnd: Uint8Array;
  readonly resourceEnd: Uint8Array;
  /** All together, with their lengths. */
  readonly bytes: number;
};

const nothing = new Uint8Array();
const noEnvelope: Envelope = { resource: nothing, scope: nothing, scopeEnd: nothing, resourceEnd: nothing, bytes: 0 };
const around = new ProtobufBytes();
/** Where the functions below write. */
let to = around;

function envelopeOf({ resource, instrumentationScope: { name, version, schemaUrl } }: Origin): Envelope {
  to = around;
  const parts = {
    resource: written(() => {
      to.tag(1, length);
      const from = to.begin(2);
      writeAttributes(1, resource.attributes);
      writeCount(2, 0);
      to.end(from, 2);
    }),
    scope: written(() => {
      to.tag(1, length);
      const from = to.begin(1);
      writeText(1, name);
      if (version) writeText(2, version);
      to.end(from, 1);
    }),
    scopeEnd: written(() => schemaUrl && writeText(3, schemaUrl)),
    resourceEnd: written(() => resource.schemaUrl && writeText(3, resource.schemaUrl)),
  };
  const lengthsMax = 12;
  return { ...parts, bytes: Object.values(parts).reduce((sum, part) => sum + part.length, lengthsMax) };
}

function written(write: () => void): Uint8Array {
  write();
  return to.take();
}

function writeSpan(span: ReadableSpan): void {
  to.tag(2, length);
  const from = to.begin(2);
  const context = span.spanContext();
  const parent = span.parentSpanContext;
  writeIds(context);
  if (parent?.spanId) {
    to.tag(4, length);
    to.hex(parent.spanId);
  }
  writeText(5, span.name);
  // The protocol’s kinds begin with one that is not specified.
  writeCount(6, span.kind + 1);
  writeTime(7, span.startTime);
  writeTime(8, span.endTime);
  writeAttributes(9, span.attributes);
  writeCount(10, span.droppedAttributesCount);
  for (const event of span.events) writeEvent(event);
  writeCount(12, span.droppedEventsCount);
  for (const link of span.links) writeLink(link);
  writeCount(14, span.droppedLinksCount);
  writeStatus(span.status);
  to.tag(16, fourBytes);
  to.fixed32(flagsOf(context.traceFlags, parent?.isRemote));
  to.end(from, 2);
}

function writeIds({ traceId, spanId, traceState }: SpanContext): void {
  to.tag(1, length);
  to.hex(traceId);
  to.tag(2, length);
  to.hex(spanId);
  const state = traceState?.serialize();
  if (state) writeText(3, state);
}

function writeEvent({ time, name, attributes, droppedAttributesCount }: ReadableSpan['events'][number]): void {
  to.tag(11, length);
  const from = to.begin(2);
  writeTime(1, time);
  writeText(2, name);
  if (attributes) writeAttributes(3, attributes);
  writeCount(4, droppedAttributesCount ?? 0);
  to.end(from, 2);
}

function writeLink({ context, attributes, droppedAttributesCount }: Link): void {
  to.tag(13, length);
  const from = to.begin(1);
  writeIds(context);
  if (attributes) writeAttributes(4, attributes);
  writeCount(5, droppedAttributesCount ?? 0);
  to.tag(6, fourBytes);
  to.fixed32(flagsOf(context.traceFlags, context.isRemote));
  to.end(from, 1);
}

function writeStatus({ code, message }: ReadableSpan['status']): void {
  to.tag(15, length);
  const from = to.begin(1);
  if (message) writeText(2, message);
  writeCount(3, code);
  to.end(from, 1);
}

/** The context’s own, and whether its parent was in another process: the protocol has a bit for knowing it, and one for what is known. */
function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | 0x100 | (isRemote ? 0x200 : 0);
}

function writeAttributes(field: number, attributes: Readonly<Record<string, unknown>>): void {
  for (const key in attributes) {
    to.tag(field, length);
    const from = to.begin(1);
    writeText(1, key);
    writeValue(2, attributes[key]);
    to.end(from, 1);
  }
}

/** Any value that an attribute may have; what has none of the protocol’s kinds is an empty one. */
function writeValue(field: number, value: unknown): void {
  to.tag(field, length);
  const from = to.begin(1);
  switch (typeof value) {
    case 'string':
      writeText(1, value);
      break;
    case 'boolean':
      writeCount(2, value ? 1 : 0);
      break;
    case 'number':
      writeNumber(value);
      break;
    case 'object':
      if (value) writeComposite(value);
  }
  to.end(from, 1);
}

function writeNumber(value: number): void {
  if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) writeCount(3, value);
  else {
    to.tag(4, eightBytes);
    to.double(value);
  }
}

function writeComposite(value: object): void {
  if (value instanceof Uint8Array) {
    to.tag(7, length);
    to.bytes(value);
    return;
  }
  to.tag(Array.isArray(value) ? 5 : 6, length);
  const from = to.begin(1);
  if (Array.isArray(value)) for (const item of value) writeValue(1, item);
  else writeAttributes(1, value as Record<string, unknown>);
  to.end(from, 1);
}

function writeText(field: number, text: string): void {
  to.tag(field, length);
  to.text(text);
}

function writeCount(field: number, count: number): void {
  to.tag(field, varint);
  to.varint(count);
}

function writeTime(field: number, [seconds, nanoseconds]: HrTime): void {
  to.tag(field, eightBytes);
  to.nanoseconds(seconds, nanoseconds);
}
