import assert from 'node:assert/strict';
import { prometheusPoints, prometheusQuery } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { dataSource } from '../compose/data-sources.ts';
import { fillTemplate } from '../correlation/fill-template.ts';
import { sendPoints } from './send-otlp.ts';

const hourMs = 3_600_000;
const resource = {
  'service.name': 'vitrine',
  'service.instance.id': 'a',
  'service.version': '1.2.3',
  'host.name': 'here',
  'deployment.environment.name': 'test',
};

describe('Prometheus as configured', function () {
  this.timeout(900_000);
  let stack: Stack;
  let otlp: string;

  before(async () => {
    stack = await startStack({ only: ['prometheus', 'tempo', 'loki', 'alertmanager'] });
    otlp = `${stack.url('prometheus')}/api/v1/otlp/v1/metrics`;
  });
  after(() => stack?.close());

  it('takes points that come twelve hours late, behind newer ones of the same series', async () => {
    const nowMs = Date.now();
    const counter = { name: 'late.arrivals', kind: 'counter' } as const;
    assert.equal((await sendPoints(otlp, counter, [{ value: 3, atMs: nowMs }], resource)).status, 200);
    const late = [
      { value: 1, atMs: nowMs - 12 * hourMs },
      { value: 2, atMs: nowMs - 6 * hourMs },
    ];
    assert.equal((await sendPoints(otlp, counter, late, resource)).status, 200);
    const [series] = await prometheusPoints(stack.url('prometheus'), 'late_arrivals_total', 13 * 60);
    assert.deepEqual(
      series?.points,
      [...late, { value: 3, atMs: nowMs }].map(({ atMs, value }) => [atMs, value]),
    );
  });

  it('refuses a point from before the horizon and counts it', async () => {
    const nowMs = Date.now();
    const gauge = { name: 'too.late', kind: 'gauge' } as const;
    await sendPoints(otlp, gauge, [{ value: 1, atMs: nowMs }], resource);
    const answer = await sendPoints(otlp, gauge, [{ value: 0, atMs: nowMs - 14 * hourMs }], resource);
    assert.equal(answer.status, 400);
    await waitFor('the refusal among the scraped counters', async () => {
      const counted = await prometheusQuery(stack.url('prometheus'), 'sum(prometheus_tsdb_too_old_samples_total)');
      return (counted[0]?.value ?? 0) >= 1;
    });
  });

  it('makes job, instance and environment labels, and leaves version and host to target_info', async () => {
    await sendPoints(otlp, { name: 'a.gauge', kind: 'gauge' }, [{ value: 1, atMs: Date.now() }], resource);
    const [sample] = await prometheusQuery(stack.url('prometheus'), 'a_gauge');
    assert.deepEqual(sample?.labels, {
      __name__: 'a_gauge',
      job: 'vitrine',
      instance: 'a',
      deployment_environment_name: 'test',
    });
    const [info] = await prometheusQuery(stack.url('prometheus'), 'target_info{instance="a"}');
    assert.equal(info?.labels.service_version, '1.2.3');
    assert.equal(info?.labels.host_name, 'here');
  });

  it('scrapes every other server under its name, what it discards included', async () => {
    const discards: Record<string, string> = {
      prometheus: 'prometheus_tsdb_out_of_order_samples_total',
      tempo: 'tempo_ingester_failed_flushes_total',
      loki: 'loki_ingester_wal_disk_full_failures_total',
      alertmanager: 'alertmanager_alerts_invalid_total',
    };
    for (const [instance, name] of Object.entries(discards)) {
      await waitFor(`${name} of ${instance}`, async () => {
        const query = `up{job="${instance}"} == 1 and on (instance) ${name}{instance="${instance}"}`;
        return (await prometheusQuery(stack.url('prometheus'), query)).length === 1;
      });
    }
  });

  it('understands the queries that Grafana is given for the metrics of a span', async () => {
    const { queries } = dataSource('tempo').jsonData.tracesToMetrics as { queries: { query: string }[] };
    for (const { query } of queries) {
      const asked = fillTemplate(query, {
        __tags: 'job="vitrine"',
        __rate_interval: '1m',
        '__span.tags["inference.model.name"]': 'a',
        '__span.tags["hw.id"]': 'b',
      });
      await prometheusQuery(stack.url('prometheus'), asked);
    }
  });

  it('keeps what it acknowledged through kill -9', async () => {
    const nowMs = Date.now();
    const counter = { name: 'kept.through.a.kill', kind: 'counter' } as const;
    const points = Array.from({ length: 200 }, (_, index) => ({ value: index, atMs: nowMs - (200 - index) * 10 }));
    assert.equal((await sendPoints(otlp, counter, points, resource)).status, 200);
    await stack.kill('prometheus');
    await stack.start('prometheus');
    const [series] = await prometheusPoints(stack.url('prometheus'), 'kept_through_a_kill_total');
    assert.equal(series?.points.length, points.length);
  });
});
