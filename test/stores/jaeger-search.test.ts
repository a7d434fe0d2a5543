import assert from 'node:assert/strict';
import type { ServiceError } from '../../src/errors.ts';
import { jaegerSearch } from '../../src/stores/dialects/jaeger-search.ts';

const span = (spanID: string, operationName: string, more: object = {}) => ({
  traceID: 'abc',
  spanID,
  operationName,
  startTime: 1_000_000,
  duration: 250_000,
  processID: 'p1',
  tags: [],
  ...more,
});
const trace = {
  traceID: 'abc',
  processes: { p1: { serviceName: 'vitrine', tags: [{ key: 'host.name', value: 'h' }] } },
  spans: [
    span('1', 'POST /infer', {
      tags: [
        { key: 'span.kind', value: 'server' },
        { key: 'error.type', value: 'queue_full' },
        { key: 'http.response.status_code', value: 429 },
      ],
    }),
    span('2', 'inference.run', { references: [{ refType: 'CHILD_OF', spanID: '1' }], duration: 100_000 }),
  ],
};

const finds = [
  '{ resource.service.name = "vitrine" && kind = server && span.error.type != nil } | select(span.http.route)',
  '{ span.error.type =~ "queue_full|deadline" }',
  '{ name = "inference.run" && duration > 50ms }',
  '{ span.http.response.status_code >= 400 && resource.host.name = "h" }',
  '{ .host.name = "h" && (duration < 1ms || span.error.type = "queue_full") }',
  '{}',
];
const findsNot = [
  '{ kind = server && duration > 300ms }',
  '{ kind = server && span.error.type = nil }',
  '{ name = "inference.run" && span.error.type != nil }', // Both are in the trace, and not on one span.
  '{ span.error.type !~ "queue.*" }',
];
const beyond = [
  '{ kind = server } >> { name = "a" }',
  '{ kind = server } | count() > 2',
  '{ event:name = "a" }',
  '{ span.a =~ "(a+)+" }',
  '{ kind = server',
];

describe('Jaeger’s search', () => {
  for (const q of finds)
    it(`finds by ${q}`, async () => {
      const { traces } = await search(q);
      assert.equal(traces.length, 1);
      assert.equal(traces[0]?.traceID, '00000000000000000000000000000abc');
      assert.equal(traces[0]?.rootTraceName, 'POST /infer');
      assert.equal(traces[0]?.durationMs, 250);
    });

  for (const q of findsNot)
    it(`does not find by ${q}`, async () => {
      assert.deepEqual((await search(q)).traces, []);
    });

  for (const q of beyond)
    it(`says in a sentence that it cannot be asked ${q}`, async () => {
      await assert.rejects(search(q), (error: ServiceError) => {
        assert.equal(error.code, 'backend_refused');
        assert.match(error.message, /^Cannot ask Jaeger this: /);
        return true;
      });
    });

  it('asks Jaeger for what it searches by itself', async () => {
    const { asked } = await search(
      '{ resource.service.name = "vitrine" && kind = server && span.a = "b" && duration > 1s }',
    );
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.get('service'), 'vitrine');
    assert.equal(asked[0]?.get('tags'), '{"span.kind":"server","a":"b"}');
    assert.equal(asked[0]?.get('minDuration'), '1000000us');
    assert.equal(asked[0]?.get('limit'), '200');
  });

  it('says so when it has looked through fewer traces than there are', async () => {
    const { warnings = [] } = await search('{ resource.service.name = "vitrine" && span.x != nil }', 200);
    assert.match(warnings[0] ?? '', /newest 200 traces/);
  });
});

async function search(q: string, copies = 1) {
  const asked: URLSearchParams[] = [];
  const parameters = new URLSearchParams({ q, start: '1', end: '2' });
  const answer = await jaegerSearch({ path: '/api/search', parameters }, (path, given = new URLSearchParams()) => {
    if (path === '/api/services') return Promise.resolve(Buffer.from('{"data":["vitrine"]}'));
    asked.push(given);
    const data = Array.from({ length: copies }, (_, at) => (at === 0 ? trace : { ...trace, traceID: `${at}` }));
    return Promise.resolve(Buffer.from(JSON.stringify({ data })));
  });
  const { traces, warnings } = JSON.parse(answer.toString()) as {
    traces: { traceID: string; rootTraceName: string; durationMs: number }[];
    warnings?: string[];
  };
  return { traces, warnings, asked };
}
