import assert from 'node:assert/strict';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a first request', function () {
  this.timeout(240_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({
      env: { OTEL_METRIC_EXPORT_INTERVAL: '1000', VITRINE_SCRAPE_INTERVAL: '1s', VITRINE_TIME_SCALE: '0.1' },
    });
  });

  after(() => stack?.[Symbol.asyncDispose]());

  it('is seen everywhere: one trace id in Tempo and Loki, a count in Prometheus, one resource on all of it', async () => {
    const response = await fetch(`${stack.url('service')}/v2`, { headers: { 'x-request-id': 'first-request' } });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-request-id'), 'first-request');
    const traceId = response.headers.get('traceresponse')?.split('-')[1] ?? '';

    await waitFor('the trace, by search', async () =>
      (await tempoTraceIds(stack.url('tempo'), '{ span.request.id = "first-request" }')).has(traceId),
    );
    const inTempo = await resourceInTempo(stack.url('tempo'), traceId);

    const [line] = await waitFor('the log line', async () => {
      const lines = await lokiLines(stack.url('loki'), `{service_name="vitrine"} | trace_id="${traceId}"`);
      return lines.length > 0 && lines;
    });
    assert.ok(line);
    assert.match(line.line, /^GET \/v2 200 /);
    assert.equal(line.labels.log_stream, 'app');
    assert.equal(line.labels.request_id, 'first-request');

    // The series is there before the request, at 0.
    const [count] = await waitFor('the count', async () => {
      const found = await prometheusQuery(
        stack.url('prometheus'),
        'http_requests_total{job="vitrine",method="GET",endpoint="/v2",status="200"} > 0',
      );
      return found.length > 0 && found;
    });
    assert.equal(count?.value, 1);

    const instance = inTempo['service.instance.id'] ?? '';
    const [target] = await prometheusQuery(
      stack.url('prometheus'),
      `target_info{job="vitrine",instance="${instance}"}`,
    );
    assert.ok(target, 'Prometheus knows the same instance');
    for (const [name, label] of [
      ['service.version', 'service_version'],
      ['host.name', 'host_name'],
      ['deployment.environment.name', 'deployment_environment_name'],
    ] as const) {
      assert.ok(inTempo[name], `${name} is on the trace`);
      assert.equal(line.labels[label], inTempo[name], `${name} is the same in Loki`);
      assert.equal(target.labels[label], inTempo[name], `${name} is the same in Prometheus`);
    }
    assert.equal(line.labels.service_instance_id, instance);
    assert.equal(count?.labels.instance, instance);
  });

  it('continues the trace that its caller began', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await fetch(`${stack.url('service')}/v2`, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
    await waitFor('the trace', async () =>
      (await tempoTraceIds(stack.url('tempo'), `{ trace:id = "${traceId}" }`)).has(traceId),
    );
  });

  it('can be missed: ServiceDown fires when the service is killed, and resolves when it is back', async () => {
    await stack.kill('service', 'SIGKILL');
    const firing = async () => {
      const response = await fetch(`${stack.url('alertmanager')}/api/v2/alerts?filter=alertname%3D%22ServiceDown%22`);
      const alerts = (await response.json()) as { labels: Record<string, string>; status: { state: string } }[];
      return alerts.filter(({ labels }) => labels.job === 'vitrine').map(({ labels }) => labels.system);
    };
    const systems = await waitFor(
      'ServiceDown in Alertmanager',
      async () => (await firing()).length === 3 && (await firing()),
      {
        deadlineMs: 120_000,
        everyMs: 500,
      },
    );
    assert.deepEqual(systems.sort(), ['generation', 'generation-guide', 'microstructure']);
    await stack.start('service');
    await waitFor('its end', async () => (await firing()).length === 0, { deadlineMs: 120_000, everyMs: 500 });
  });
});

async function resourceInTempo(baseUrl: string, traceId: string): Promise<Record<string, string>> {
  const response = await fetch(`${baseUrl}/api/traces/${traceId}`);
  const trace = (await response.json()) as {
    batches: { resource: { attributes: { key: string; value: { stringValue?: string } }[] } }[];
  };
  const attributes = trace.batches[0]?.resource.attributes ?? [];
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? '']));
}
