import { attribute } from '../../telemetry/names/names.ts';

type Attribute = { key: string; value: Record<string, unknown> };
type Span = {
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: Attribute[];
  status?: { code?: unknown; message?: string };
};
type ResourceSpans = { resource?: { attributes?: Attribute[] }; scopeSpans?: { spans?: Span[] }[] };

/** A trace as OTLP has it, as a list of spans in the order of their beginnings. */
export function spansOf(answer: unknown, most: number) {
  const { trace } = answer as { trace?: { resourceSpans?: ResourceSpans[] } };
  const all = (trace?.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => ({ span, service: serviceOf(resource?.attributes) }))),
  );
  all.sort((one, other) => (begin(one.span) < begin(other.span) ? -1 : 1));
  const names = new Map(all.map(({ span }) => [span.spanId, span.name]));
  const first = all[0] ? begin(all[0].span) : 0n;
  return {
    spans_in_all: all.length,
    spans: all.slice(0, most).map(({ span, service }) => ({
      name: span.name,
      service,
      under: names.get(span.parentSpanId ?? '') ?? null,
      begins_ms: milliseconds(begin(span) - first),
      took_ms: milliseconds(BigInt(span.endTimeUnixNano) - begin(span)),
      ...(span.status?.message ? { failed: span.status.message } : {}),
      attributes: valuesOf(span.attributes),
    })),
  };
}

function serviceOf(attributes: readonly Attribute[] = []): string | null {
  const found = attributes.find(({ key }) => key === attribute.serviceName);
  return found ? String(Object.values(found.value)[0]) : null;
}

function begin({ startTimeUnixNano }: Span): bigint {
  return BigInt(startTimeUnixNano);
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000;
}

function valuesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
