import assert from 'node:assert/strict';
import { metricNames } from '../../src/telemetry/names/names.ts';
import { prometheusQuery } from '../../testkit/backends.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const deadline = { deadlineMs: 120_000, everyMs: 500 };
const route = '/v2/models/:model/infer';
const answered = 12;
const refused = 3;

/**
 * What dashboards made by others ask, by the names and labels that they know: each must have an
 * answer, and those with a number this one.
 */
const dashboards: Readonly<Record<string, readonly (readonly [query: string, value?: number])[]>> = {
  'ASP.NET Core, as its makers publish it': [
    ['sum by (http_route, http_request_method) (rate(http_server_request_duration_seconds_count[1m]))'],
    ['histogram_quantile(0.75, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="vitrine"}[1m])))'],
    ['sum(http_server_active_requests{job="vitrine"})'],
    [
      'sum by (http_response_status_code) (increase(http_server_request_duration_seconds_count{http_response_status_code=~"4.."}[5m]))',
    ],
    ['sum by (url_scheme) (http_server_request_duration_seconds_count{url_scheme="http"})'],
  ],
  'ASP.NET Core, one endpoint': [
    [
      `sum(http_server_request_duration_seconds_count{http_route="${route}", http_request_method="POST", http_response_status_code="200"})`,
      answered,
    ],
    [
      `sum(http_server_request_duration_seconds_count{http_route="${route}", http_response_status_code=~"4..|5.."})`,
      refused,
    ],
    [`sum by (le) (http_server_request_duration_seconds_bucket{http_route="${route}"})`],
  ],
  'rate, errors and duration of services, for the stable names': [
    ['sum by (job) (rate(http_server_request_duration_seconds_count[1m]))'],
    [
      'histogram_quantile(0.95, sum by (job, le) (rate(http_server_request_duration_seconds_bucket{http_route!~"/health|/live"}[1m])))',
    ],
    [
      'sum(rate(http_server_request_duration_seconds_count{http_response_status_code!~"5.."}[5m])) / sum(rate(http_server_request_duration_seconds_count[5m]))',
    ],
    [
      'sum(rate(http_server_request_duration_seconds_sum[1m])) / sum(rate(http_server_request_duration_seconds_count[1m]))',
    ],
  ],
  'an apdex of half a second': [
    [
      `(sum(http_server_request_duration_seconds_bucket{http_route="${route}", le="0.5"}) + sum(http_server_request_duration_seconds_bucket{http_route="${route}", le="2.5"})) / 2 / sum(http_server_request_duration_seconds_count{http_route="${route}"}) <= bool 1`,
      1,
    ],
    ['sum by (le) (rate(http_server_request_body_size_bytes_bucket[1m]))'],
    ['sum(rate(http_server_response_body_size_bytes_sum[1m]))'],
  ],
  'Node.js by OpenTelemetry’s names': [
    ['nodejs_eventloop_utilization_ratio{job="vitrine"}'],
    ['nodejs_eventloop_delay_p99_seconds * 1000'],
    ['100 * sum(v8js_memory_heap_used_bytes) / clamp_min(sum(v8js_memory_heap_limit_bytes), 1)'],
    ['sum by (v8js_heap_space_name) (v8js_heap_space_available_size_bytes)'],
    ['histogram_quantile(0.95, sum by (le, v8js_gc_type) (rate(v8js_gc_duration_seconds_bucket[5m])))'],
    ['sum by (nodejs_eventloop_state) (rate(nodejs_eventloop_time_seconds_total[1m]))'],
    ['sum(rate(process_cpu_time_seconds_total{job="vitrine"}[1m]))'],
    ['process_memory_usage_bytes{job="vitrine"}'],
  ],
  'the telemetry of an SDK': [
    ['sum by (otel_component_type) (rate(otel_sdk_exporter_span_exported_total[1m]))'],
    ['sum(otel_sdk_processor_log_queue_size)'],
    ['sum(otel_sdk_span_started_total{otel_span_sampling_result="RECORD_AND_SAMPLE"})'],
  ],
};

describe('dashboards made by others', function () {
  this.timeout(600_000);
  let stack: Stack;
  let models: Awaited<ReturnType<typeof temporaryFolder>>;
  const sent = new Set<string>();

  before(async () => {
    models = await temporaryFolder();
    await writeModel(models.path, 'perceptron', perceptron());
    stack = await startStack({
      only: ['collector', 'service', 'prometheus', 'tempo'],
      env: { VITRINE_MODELS: models.path, VITRINE_TRACE_FIRST_PER_SECOND: '100000' },
    });
    const service = stack.url('service');
    await waitFor('the model', async () => (await fetch(`${service}/v2/models/perceptron/ready`)).ok, deadline);
    for (let at = 0; at < answered + refused; at += 1) {
      const shape = at < answered ? [1, 64] : [1, 3];
      const data = Array(shape[1]).fill(0.5);
      const answer = await fetch(`${service}/v2/models/perceptron/infer`, {
        method: 'POST',
        body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape, data }] }),
      });
      assert.equal(answer.status, at < answered ? 200 : 400, await answer.text());
      sent.add(answer.headers.get('traceresponse')?.split('-')[1] ?? '');
    }
  });

  after(async () => {
    await stack?.close();
    await models?.[Symbol.asyncDispose]();
  });

  for (const [name, queries] of Object.entries(dashboards))
    it(`show data: ${name}`, async () => {
      for (const [query, value] of queries)
        await waitFor(
          query,
          async () => {
            const [first] = await prometheusQuery(stack.url('prometheus'), query);
            return first !== undefined && !Number.isNaN(first.value) && (value === undefined || first.value === value);
          },
          deadline,
        );
    });

  it('find the convention’s buckets and no others', async () => {
    const series = await prometheusQuery(
      stack.url('prometheus'),
      'count by (le) (http_server_request_duration_seconds_bucket{job="vitrine"})',
    );
    const bounds = series.map(({ labels }) => Number(labels.le?.replace('+Inf', 'Infinity'))).sort((a, b) => a - b);
    assert.deepEqual(bounds, [...metricNames.httpServerSeconds.buckets, Infinity]);
  });

  it('count the same requests by either name', async () => {
    const difference =
      'abs(sum(http_server_request_duration_seconds_count{job="vitrine"}) - sum(http_request_duration_seconds_count{job="vitrine"}))';
    await waitFor(
      'the same count',
      async () => (await prometheusQuery(stack.url('prometheus'), difference))[0]?.value === 0,
      deadline,
    );
  });

  for (const [name, selector] of [
    ['http_server_request_duration_seconds_bucket', `http_route="${route}"`],
    ['http_request_duration_seconds_bucket', `endpoint="${route}"`],
    ['http_request_latency_seconds', `endpoint="${route}"`],
    ['inference_request_duration_seconds_bucket', 'model="perceptron"'],
    ['inference_stage_duration_seconds_bucket', 'model="perceptron",stage="run"'],
  ] as const)
    it(`open a trace from every exemplar of ${name}`, async () => {
      const exemplars = await waitFor(
        'exemplars',
        async () => {
          const found = await exemplarsOf(stack.url('prometheus'), `${name}{${selector}}`);
          return found.length > 0 && found;
        },
        deadline,
      );
      for (const { trace_id: traceId = '' } of exemplars) {
        assert.ok(sent.has(traceId), `${traceId} is no trace of a request that was sent`);
        await waitFor(
          `the trace ${traceId}`,
          async () => (await fetch(`${stack.url('tempo')}/api/traces/${traceId}`)).ok,
          deadline,
        );
      }
    });

  it('leave it to traces to count: their weights add up to the requests', async () => {
    const url = new URL('/api/search', stack.url('tempo'));
    url.searchParams.set('q', `{ span.http.route = "${route}" } | select(span.vitrine.trace.weight)`);
    url.searchParams.set('limit', '100');
    const sum = await waitFor(
      'all traces',
      async () => {
        const { traces = [] } = (await (await fetch(url)).json()) as Searched;
        const weights = traces.flatMap(({ spanSets = [] }) =>
          spanSets.flatMap(({ spans }) =>
            spans.map(({ attributes = [] }) =>
              Number(attributes.find(({ key }) => key === 'vitrine.trace.weight')?.value.intValue),
            ),
          ),
        );
        return weights.length >= answered + refused && weights.reduce((total, each) => total + each, 0);
      },
      deadline,
    );
    assert.equal(sum, answered + refused);
  });
});

type Searched = {
  traces?: { spanSets?: { spans: { attributes?: { key: string; value: { intValue?: string } }[] }[] }[] }[];
};

async function exemplarsOf(prometheus: string, query: string): Promise<{ trace_id?: string; span_id?: string }[]> {
  const url = new URL('/api/v1/query_exemplars', prometheus);
  url.searchParams.set('query', query);
  url.searchParams.set('start', String(Date.now() / 1000 - 600));
  url.searchParams.set('end', String(Date.now() / 1000 + 60));
  const { data } = (await (await fetch(url)).json()) as {
    data: { exemplars: { labels: { trace_id?: string; span_id?: string } }[] }[];
  };
  return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
}
