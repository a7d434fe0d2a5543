import assert from 'node:assert/strict';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { sendSpans } from './send-otlp.ts';

const hourMs = 3_600_000;

describe('Tempo as configured', function () {
  this.timeout(900_000);
  let stack: Stack;

  before(async () => {
    // This Tempo does not end by itself when it was asked anything in the last half minute: its queue
    // of queries waits for a clean-up that no longer comes. Its ingester has written everything by
    // then, and the launcher's KILL ends it; here sooner than usual.
    stack = await startStack({ only: ['tempo'], env: { VITRINE_STOP_MS_MAX: '1000' } });
  });
  after(() => stack?.close());

  it('finds a span by TraceQL within seconds', async () => {
    const atMs = Date.now();
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [
      { name: 'fresh', atMs, attributes: { 'http.route': '/v2' } },
    ]);
    // Idle for 1 s, looked at every second; the rest is for a machine that is busy with other tests.
    await waitFor('the span', () => found(stack, '{ span.http.route = "/v2" }', atMs, traceId!), {
      deadlineMs: 10_000,
    });
  });

  it('finds a span that comes twelve hours late at its own time, from the ingester and from the finished block', async () => {
    const atMs = Date.now() - 12 * hourMs;
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [{ name: 'late', atMs }]);
    await waitFor('the late span in the ingester', () => found(stack, '{ name = "late" }', atMs, traceId!));
    assert.equal((await fetch(`${stack.url('tempo')}/flush`)).status, 204);
    await waitFor('the finished block in the store', async () => {
      const metrics = await (await fetch(`${stack.url('tempo')}/metrics`)).text();
      return /^tempodb_blocklist_length\{.*\} [1-9]/m.test(metrics);
    });
    await waitFor('the late span in the store', () => found(stack, '{ name = "late" }', atMs, traceId!));
  });

  it('warns of a span from before the horizon, which no search for its time finds', async () => {
    const before = await metric(stack, /^tempo_warnings_total\{reason="outside_ingestion_time_slack".*\} (\d+)$/m);
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [
      { name: 'too late', atMs: Date.now() - 20 * hourMs },
    ]);
    await waitFor('the warning', async () => {
      const now = await metric(stack, /^tempo_warnings_total\{reason="outside_ingestion_time_slack".*\} (\d+)$/m);
      return now > before;
    });
    // Stored all the same.
    await waitFor('the trace by its id', async () => {
      const answer = await fetch(`${stack.url('tempo')}/api/traces/${traceId}`);
      return answer.status === 200;
    });
  });

  it('takes a burst of twenty thousand traces without discarding any', async () => {
    const atMs = Date.now() - 60_000;
    const ids = new Set<string>();
    for (let batch = 0; batch < 10; batch++) {
      const spans = Array.from({ length: 2000 }, () => ({ name: 'burst', atMs: atMs + batch }));
      for (const id of await sendSpans(stack.port('tempoOtlpPort'), spans)) ids.add(id);
    }
    let found = 0;
    await waitFor(
      'every trace of the burst',
      async () => {
        const traces = await search(stack, '{ name = "burst" }', atMs, 30_000);
        found = traces.filter((id) => ids.has(id)).length;
        return found === ids.size;
      },
      { deadlineMs: 60_000, everyMs: 500 },
    ).catch((cause: Error) => {
      throw new Error(`Tempo found ${found} of ${ids.size} traces`, { cause });
    });
    assert.equal(await metric(stack, /^tempo_discarded_spans_total\{reason="live_traces_exceeded".*\} (\d+)$/m), 0);
  });

  it('keeps a long attribute, such as a stack trace, whole', async () => {
    const stackTrace = 'at work (main.ts)\n'.repeat(1500);
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [
      { name: 'failing', atMs: Date.now(), attributes: { 'exception.stacktrace': stackTrace } },
    ]);
    const text = await waitFor('the trace', async () => {
      const answer = await fetch(`${stack.url('tempo')}/api/traces/${traceId}`);
      return answer.status === 200 && (await answer.text());
    });
    assert.ok(text.includes(JSON.stringify(stackTrace).slice(1, -1)));
  });

  it('keeps what can be found by search through kill -9', async () => {
    const atMs = Date.now();
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [{ name: 'kept', atMs }]);
    await waitFor('the span', () => found(stack, '{ name = "kept" }', atMs, traceId!));
    await stack.kill('tempo');
    await stack.start('tempo');
    await waitFor('the span after the restart', () => found(stack, '{ name = "kept" }', atMs, traceId!));
  });

  it('keeps everything through a stop in good order', async () => {
    const atMs = Date.now();
    const [traceId] = await sendSpans(stack.port('tempoOtlpPort'), [{ name: 'just in', atMs }]);
    await stack.restart('tempo');
    await waitFor('the span after the restart', () => found(stack, '{ name = "just in" }', atMs, traceId!));
  });
});

async function found(stack: Stack, query: string, atMs: number, traceId: string): Promise<boolean> {
  return (await search(stack, query, atMs)).includes(traceId);
}

/** Trace ids by TraceQL, in the minute around a time. */
async function search(stack: Stack, query: string, atMs: number, limit = 100): Promise<string[]> {
  const url = new URL('/api/search', stack.url('tempo'));
  url.searchParams.set('q', query);
  url.searchParams.set('limit', String(limit));
  url.searchParams.set('start', String(Math.floor(atMs / 1000) - 60));
  url.searchParams.set('end', String(Math.ceil(atMs / 1000) + 60));
  const answer = await fetch(url);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const { traces = [] } = JSON.parse(text) as { traces?: { traceID: string }[] };
  // Tempo leaves leading zeros of an id out.
  return traces.map(({ traceID }) => traceID.padStart(32, '0'));
}

async function metric(stack: Stack, pattern: RegExp): Promise<number> {
  const metrics = await (await fetch(`${stack.url('tempo')}/metrics`)).text();
  return Number(pattern.exec(metrics)?.[1] ?? 0);
}
