import assert from 'node:assert/strict';
import { readSummary } from '../../cli/summary/read-summary.ts';
import { findProbe, sendProbe } from '../../launcher/probe.ts';
import { findingsOf, readBooks } from '../../launcher/telemetry-books.ts';
import { quantileBy } from '../../observability/promql.ts';
import { type StoreName, store, storeFor } from '../../src/stores/stores.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { unbuiltServers } from '../../testkit/unbuilt-servers.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { runAuditWhenClosed } from '../audit/run-audit.ts';

const sets = ['prometheus,tempo,loki', 'victoriametrics,tempo,victorialogs', 'victoriametrics,jaeger,victorialogs'];
const deadline = { deadlineMs: 90_000, everyMs: 500 };
const requests = 40;

for (const backends of sets) {
  describe(`the questions of the page on ${backends}`, function () {
    this.timeout(1_800_000);
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let stack: Stack;
    const durationsMs: number[] = [];
    let kept = '';
    /** Long enough before the first process that none had counted anything by then. */
    let beganMs = 0;
    let failed = '';

    before(async function () {
      beganMs = Date.now() - 120_000;
      const missing = await unbuiltServers(backends);
      if (missing !== undefined) {
        console.log(`      Skipped: ${missing}.`);
        this.skip();
      }
      folder = await temporaryFolder();
      await writeModel(folder.path, 'perceptron', perceptron());
      stack = await startStack({
        env: {
          VITRINE_BACKENDS: backends,
          VITRINE_MODELS: folder.path,
          VITRINE_TRACE_FIRST_PER_SECOND: '100000',
          VITRINE_COLLECTOR_FLUSH_MS: '500',
        },
      });
      const ready = `${stack.url('service')}/v2/models/perceptron/ready`;
      await waitFor('the model', async () => (await fetch(ready)).ok, deadline);
      for (let number = 0; number < requests; number += 1) kept = await infer('perceptron', 200);
      failed = await infer('nowhere', 404);
    });
    after(async () => {
      await stack?.close();
      await folder?.[Symbol.asyncDispose]();
    });

    it('count every request once', async () => {
      const query = 'sum(inference_requests_total{job="vitrine", model="perceptron"})';
      await waitFor('the count', async () => (await metric(query)) === requests, deadline);
    });

    it('have a percentile that lies among what was measured', async () => {
      const query = quantileBy(0.5, 'inferenceSeconds', [], { job: 'vitrine', model: 'perceptron' }, '10m');
      const seconds = await waitFor('the median', () => metric(query), deadline);
      assert.ok(seconds > 0 && seconds * 1000 <= Math.max(...durationsMs), `${seconds} s of ${durationsMs.join()} ms`);
    });

    it('lead from a metric to the traces of its model, by exemplars or by what stands in their place', async () => {
      const query = 'inference_request_duration_seconds_bucket{job="vitrine", model="perceptron"} < 0';
      const now = Date.now() / 1000;
      const { data, infos = [] } = await ask<{
        data: { exemplars: { labels: { trace_id?: string } }[] }[];
        infos?: string[];
      }>('prometheus/api/v1/query_exemplars', { query, start: now - 600, end: now + 1 });
      assert.ok(data.length > 0 || /stores no exemplars/.test(infos[0] ?? ''));
      const withModel =
        '{ resource.service.name = "vitrine" && span.inference.model.name = "perceptron" && duration > 1us }';
      await waitFor('the trace', async () => (await traces(withModel))?.has(kept), deadline);
    });

    it('lead from a trace to its lines, and from a line to its trace', async () => {
      const spans = await waitFor('the spans', () => spansOf(failed), deadline);
      assert.ok(spans.includes('POST /v2/models/:model/infer'), spans.join());
      const lines = await waitFor(
        'the lines',
        () => linesOf(`{service_name="vitrine"} | trace_id="${failed}"`),
        deadline,
      );
      for (const { stream } of lines) {
        assert.equal(stream.trace_id, failed);
        assert.equal(stream.service_name, 'vitrine');
      }
    });

    it('find the traces that failed, and no other', async () => {
      const found = await waitFor(
        'the trace',
        () => traces('{ kind = server && span.http.route = "/v2/models/:model/infer" && span.error.type != nil }'),
        deadline,
      );
      assert.deepEqual([...found], [failed]);
    });

    it('count lines by a label, at once and over time', async () => {
      const query = 'sum by (log_stream) (count_over_time({service_name="vitrine"}[10m]))';
      const now = Math.floor(Date.now() / 1000);
      const { data } = await waitFor(
        'lines',
        async () => {
          const found = await ask<Vector>('loki/loki/api/v1/query', { query, time: now + 5 });
          return found.data.result.length > 0 && found;
        },
        deadline,
      );
      assert.ok(data.result.some(({ metric: labels, value }) => labels.log_stream === 'app' && Number(value[1]) > 0));
      const range = await ask<{ data: { result: { values: unknown[] }[] } }>('loki/loki/api/v1/query_range', {
        query: query.replace('10m', '1m'),
        start: now - 300,
        end: now + 30,
        step: 30,
      });
      assert.ok(range.data.result.some(({ values }) => values.length > 0));
    });

    it('have every rule without an error, and an alert that arrives at Alertmanager', async () => {
      const { data } = await ask<{ data: { groups: { rules: { name: string; lastError?: string }[] }[] } }>(
        'prometheus/api/v1/rules',
        { type: 'alert' },
      );
      const rules = data.groups.flatMap((group) => group.rules);
      assert.ok(rules.length > 70, String(rules.length));
      assert.deepEqual(
        rules.filter(({ lastError = '' }) => lastError !== '').map(({ name, lastError }) => `${name}: ${lastError}`),
        [],
      );
      await waitFor(
        'Watchdog',
        async () => {
          const alerts = await ask<{ labels: { alertname: string } }[]>('alertmanager/api/v2/alerts', {});
          return alerts.some(({ labels }) => labels.alertname === 'Watchdog');
        },
        deadline,
      );
    });

    it('fill the summary of the terminal', async () => {
      const name = nameOf('metrics') as 'prometheus' | 'victoriametrics';
      const summary = await waitFor(
        'a summary with the model',
        async () => {
          const found = await readSummary({ name, ...stack.way(name) }, 5);
          const isThere = found.models.some(({ model, p50 }) => model === 'perceptron' && p50 !== null);
          return isThere && found.service.instances === 1 && found;
        },
        deadline,
      );
      assert.equal(summary.instances.length, 1);
      assert.ok(summary.instances[0]!.requests > 0);
    });

    it('let doctor find its probe in each store, and the books balance', async () => {
      const probe = await sendProbe(stack.way('collector'));
      for (const signal of ['metrics', 'traces', 'logs'] as const) {
        const found = await findProbe(nameOf(signal), stack.way(nameOf(signal)), probe, 60_000);
        assert.ok('foundAfterMs' in found, `${signal}: ${JSON.stringify(found)}`);
      }
      const asked = { metrics: nameOf('metrics'), traces: nameOf('traces'), logs: nameOf('logs') };
      const findings = await waitFor(
        'books that balance',
        async () => {
          const read = (await readBooks(stack.way(nameOf('metrics')), stack.data, asked)).flatMap(findingsOf);
          return read.every(({ good }) => good) && read;
        },
        deadline,
      );
      for (const signal of ['metrics', 'traces', 'logs'] as const)
        assert.ok(findings.some(({ text }) => text.includes(store(nameOf(signal)).title)));
    });

    it('close all books of the audit', async () => {
      const toMs = Date.now();
      const found = await runAuditWhenClosed(stack.env, beganMs, toMs);
      assert.deepEqual([found.code, found.audit.holes], [0, []], found.text);
      for (const signal of ['metrics', 'traces', 'logs'] as const) {
        const books = found.audit.books.filter(
          ({ book, at }) => book === 'telemetry' && at === store(nameOf(signal)).title,
        );
        const stored = books.reduce((sum, book) => sum + (book.found ?? 0) + book.slack, 0);
        assert.ok(stored >= requests, `${signal}: ${found.text}`);
      }
    });

    const nameOf = (signal: 'metrics' | 'traces' | 'logs'): StoreName => storeFor(signal, { backends });

    async function infer(model: string, status: number): Promise<string> {
      const traceId = [...crypto.getRandomValues(new Uint8Array(16))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
      const data = Array.from({ length: 64 }, (_, at) => at / 64);
      const startedAt = performance.now();
      const answer = await fetch(`${stack.url('service')}/v2/models/${model}/infer`, {
        method: 'POST',
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
        body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 64], data }] }),
      });
      await answer.arrayBuffer();
      durationsMs.push(performance.now() - startedAt);
      assert.equal(answer.status, status);
      return traceId;
    }

    async function ask<Answer>(path: string, parameters: Record<string, string | number>): Promise<Answer> {
      const query = new URLSearchParams(
        Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
      );
      const answer = await fetch(`${stack.url('service')}/backends/${path}?${query}`);
      const text = await answer.text();
      assert.equal(answer.status, 200, `${path}?${query}: ${text}`);
      return JSON.parse(text) as Answer;
    }

    async function metric(query: string): Promise<number | undefined> {
      const { data } = await ask<Vector>('prometheus/api/v1/query', { query });
      const value = Number(data.result[0]?.value[1] ?? Number.NaN);
      return Number.isFinite(value) ? value : undefined;
    }

    async function traces(q: string): Promise<Set<string> | undefined> {
      const now = Math.ceil(Date.now() / 1000);
      const found = await ask<{ traces?: { traceID: string }[] }>('tempo/api/search', {
        q,
        start: now - 600,
        end: now,
        limit: 100,
      });
      const ids = (found.traces ?? []).map(({ traceID }) => traceID.padStart(32, '0'));
      return ids.length > 0 ? new Set(ids) : undefined;
    }

    async function spansOf(traceId: string): Promise<string[] | undefined> {
      const { trace } = await ask<{ trace?: { resourceSpans?: { scopeSpans: { spans: { name: string }[] }[] }[] } }>(
        `tempo/api/v2/traces/${traceId}`,
        {},
      );
      const names = (trace?.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
      );
      return names.length > 0 ? names : undefined;
    }

    async function linesOf(query: string): Promise<{ stream: Record<string, string> }[] | undefined> {
      const now = Math.ceil(Date.now() / 1000);
      const { data } = await ask<{ data: { result: { stream: Record<string, string> }[] } }>(
        'loki/loki/api/v1/query_range',
        {
          query,
          start: `${now - 600}000000000`,
          end: `${now + 5}000000000`,
          limit: 50,
        },
      );
      return data.result.length > 0 ? data.result : undefined;
    }
  });
}

type Vector = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
