import assert from 'node:assert/strict';
import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import type { OtlpRequest } from '../../src/telemetry/export/otlp-requests.ts';
import { SpanParcel } from '../../src/telemetry/export/span-parcel.ts';

// The official serializer is the reference: what it gives, ours gives to the byte.

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('', 'a'.repeat(127), 'a'.repeat(128), `${'a'.repeat(126)}ä`, 'x'.repeat(20_000), '\ud800'),
);
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 127, 128, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 62, -(2 ** 63), 2 ** 63, Number.NaN),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    text,
    number,
    fc.boolean(),
    fc.constantFrom(undefined, null),
    fc.uint8Array({ maxLength: 200 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 10 }), tie('value'), { maxKeys: 4 }),
  ),
}));
const attributes = fc.dictionary(text, value, { maxKeys: 8 }) as fc.Arbitrary<Attributes>;
const hexDigits = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length }).map((all) => all.join(''));
const context: fc.Arbitrary<SpanContext> = fc.record(
  {
    traceId: hexDigits(32),
    spanId: hexDigits(16),
    traceFlags: fc.integer({ min: 0, max: 255 }),
    isRemote: fc.boolean(),
    traceState: text.map((state) => ({ serialize: () => state }) as NonNullable<SpanContext['traceState']>),
  },
  { requiredKeys: ['traceId', 'spanId', 'traceFlags'] },
);
const time: fc.Arbitrary<HrTime> = fc.tuple(
  fc.integer({ min: 0, max: 2 ** 33 }),
  fc.integer({ min: 0, max: 999_999_999 }),
);
const dropped = fc.constantFrom(0, 1, 300);
const resources = ['one', 'other'].map((name) => resourceFromAttributes({ 'service.name': name, ports: [1, 2] }));
const scopes = [{ name: 'vitrine' }, { name: 'x', version: '1.2', schemaUrl: 'https://example.org' }];
const span = fc.record({
  own: context,
  parentSpanContext: fc.option(context, { nil: undefined }),
  name: text,
  kind: fc.integer({ min: 0, max: 4 }),
  startTime: time,
  endTime: time,
  attributes,
  events: fc.array(fc.record({ time, name: text, attributes }, { requiredKeys: ['time', 'name'] }), { maxLength: 2 }),
  links: fc.array(fc.record({ context, attributes }, { requiredKeys: ['context'] }), { maxLength: 3 }),
  status: fc.record({ code: fc.integer({ min: 0, max: 2 }), message: text }, { requiredKeys: ['code'] }),
  droppedAttributesCount: dropped,
  droppedEventsCount: dropped,
  droppedLinksCount: dropped,
  resource: fc.constantFrom(...resources),
  instrumentationScope: fc.constantFrom(...scopes),
});

function spansOf(made: readonly (typeof span extends fc.Arbitrary<infer Made> ? Made : never)[]): ReadableSpan[] {
  return made.map(({ own, ...rest }) => ({ ...rest, spanContext: () => own }) as unknown as ReadableSpan);
}

function parcelOf(spans: readonly ReadableSpan[], bytesMax?: number): OtlpRequest[] {
  const parcel = new SpanParcel({ itemsMax: 100, ...(bytesMax !== undefined && { bytesMax }) });
  for (const each of spans) parcel.add(each);
  return parcel.take();
}

/** One message after the other: repeated fields, such as a request's resources, are added up. */
function officially(spans: readonly ReadableSpan[]): string {
  const runs: ReadableSpan[][] = [];
  for (const each of spans) {
    const last = runs.at(-1);
    const isSame = last?.[0]?.resource === each.resource && last[0].instrumentationScope === each.instrumentationScope;
    if (last && isSame) last.push(each);
    else runs.push([each]);
  }
  return runs.map((run) => Buffer.from(ProtobufTraceSerializer.serializeRequest(run) ?? []).toString('hex')).join('');
}

describe('a parcel of spans', () => {
  it('is what the official serializer makes of them', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 20 }), (made) => {
        const spans = spansOf(made);
        const [request, ...others] = parcelOf(spans);
        assert.equal(Buffer.from(request?.bytes ?? []).toString('hex'), officially(spans));
        assert.deepEqual([request?.items, others.length], [spans.length, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it('becomes several requests where one would be too large, each whole in itself', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 5_000 }), (made, most) => {
        const spans = spansOf(made);
        const requests = parcelOf(spans, most);
        let from = 0;
        for (const { bytes, items } of requests) {
          assert.equal(Buffer.from(bytes).toString('hex'), officially(spans.slice(from, from + items)));
          assert.ok(bytes.length <= most || items === 1, `${bytes.length} bytes are more than ${most}`);
          from += items;
        }
        assert.equal(from, spans.length);
      }),
      { numRuns: 200 },
    );
  });

  it('is full when it has as many as it may, or a request that is closed, and empty when it was taken', () => {
    const [made] = spansOf(fc.sample(span, 1));
    const parcel = new SpanParcel({ itemsMax: 2 });
    assert.deepEqual(parcel.take(), []);
    parcel.add(made!);
    assert.deepEqual([parcel.isFull, parcel.count], [false, 1]);
    parcel.add(made!);
    assert.deepEqual([parcel.isFull, parcel.count], [true, 2]);
    const [first] = parcel.take();
    const copy = Buffer.from(first?.bytes ?? []);
    parcel.add(made!);
    assert.deepEqual([parcel.isFull, parcel.count], [false, 1]);
    assert.deepEqual(Buffer.from(first?.bytes ?? []), copy, 'what was taken is not written over');
    const small = new SpanParcel({ itemsMax: 100, bytesMax: 10 });
    small.add(made!);
    assert.equal(small.isFull, false);
    small.add(made!);
    assert.equal(small.isFull, true);
  });
});
