import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { encode, nowNanoseconds, type Placed, type PlainMap, post } from './otlp-json.ts';

describe('the three default backends', function () {
  this.timeout(900_000);
  let stack: Stack;
  before(async () => {
    stack = await startStack({
      only: ['collector', 'prometheus', 'tempo', 'loki'],
      env: { VITRINE_COLLECTOR_FLUSH_MS: '500' },
    });
  });
  after(() => stack?.close());

  const traceId = randomBytes(16).toString('hex');
  const told = (record: PlainMap): Placed => ({
    place: {
      resource: { 'service.name': 'defaults', 'service.instance.id': 'defaults-1' },
      scope: { name: 'vitrine', attributes: {} },
    },
    record,
  });

  it('get traces, metrics and logs, each its own', async () => {
    const door = `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
    const spanId = randomBytes(8).toString('hex');
    const time = nowNanoseconds();
    const attributes = { 'http.route': '/v2', user: 'canary@example.com' };
    await post(
      door,
      'traces',
      encode('traces', [
        told({
          traceId,
          spanId,
          name: 'GET /v2',
          kind: 2,
          startTimeUnixNano: nowNanoseconds(-20),
          endTimeUnixNano: time,
          attributes,
        }),
      ]),
    );
    await post(door, 'logs', encode('logs', [told({ timeUnixNano: time, body: 'told', traceId, spanId, attributes })]));
    await post(
      door,
      'metrics',
      encode('metrics', [told({ name: 'default.gauge', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '7' }] } })]),
    );

    const ofRoute = '{ resource.service.name = "defaults" && span.http.route = "/v2" }';
    await waitFor('the trace, by search', async () => (await tempoTraceIds(stack.url('tempo'), ofRoute)).has(traceId));
    const [line] = await waitFor('the line', async () => {
      const lines = await lokiLines(stack.url('loki'), `{service_name="defaults"} | trace_id="${traceId}"`);
      return lines.length > 0 && lines;
    });
    assert.equal(line?.line, 'told');
    assert.equal(line?.labels.log_stream, 'app');
    assert.equal(line?.labels.user, '****');
    const [sample] = await waitFor('the gauge', async () => {
      const samples = await prometheusQuery(
        stack.url('prometheus'),
        'default_gauge{job="defaults",instance="defaults-1"}',
      );
      return samples.length > 0 && samples;
    });
    assert.equal(sample?.value, 7);
    assert.equal(sample?.labels.deployment_environment_name, 'test');
  });

  it('have exemplars in Prometheus that lead to the trace', async () => {
    const url = new URL('/api/v1/query_exemplars', stack.url('prometheus'));
    url.searchParams.set('query', 'traces_span_metrics_duration_seconds_bucket{http_route="/v2",job="defaults"}');
    url.searchParams.set('start', String(Date.now() / 1000 - 600));
    url.searchParams.set('end', String(Date.now() / 1000 + 60));
    const exemplar = await waitFor('an exemplar', async () => {
      const { data } = (await (await fetch(url)).json()) as {
        data: { exemplars: { labels: Record<string, string> }[] }[];
      };
      return data.flatMap(({ exemplars }) => exemplars).find(({ labels }) => labels.trace_id === traceId);
    });
    assert.match(exemplar.labels.span_id ?? '', /^[0-9a-f]{16}$/);
  });

  it('are told how much was masked', async () => {
    for (const what of ['spans', 'log_records']) {
      await waitFor(`the count of masked ${what}`, async () => {
        const [sample] = await prometheusQuery(
          stack.url('prometheus'),
          `collector_redacted_${what}_total{job="defaults"}`,
        );
        return sample !== undefined && sample.value === 1;
      });
    }
  });

  it('are watched: Prometheus reads the Collector’s queues and failures', async () => {
    for (const metric of [
      'otelcol_exporter_queue_size',
      'otelcol_exporter_queue_capacity',
      'otelcol_exporter_sent_spans_total',
      'otelcol_receiver_accepted_spans_total',
      // Prometheus takes the Collector's own spelling, with a point, unless the scrape asks for the old
      // names.
      '{__name__=~"otelcol_processor_filter_spans.filtered_total"}',
    ]) {
      await waitFor(metric, async () => (await prometheusQuery(stack.url('prometheus'), metric)).length > 0);
    }
  });
});
