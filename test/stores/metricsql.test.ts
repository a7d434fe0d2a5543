import assert from 'node:assert/strict';
import { asMetricsql, metricsql } from '../../src/stores/dialects/metricsql.ts';

const written: readonly [string, string][] = [
  [
    'histogram_quantile(0.95, sum by (model) (rate(inference_latency_seconds{job="vitrine"}[5m])))',
    'histogram_quantile(0.95, sum by (model, vmrange) (increase(inference_latency_seconds_bucket{job="vitrine"}[5m])))',
  ],
  [
    'histogram_quantile(0.5, sum(rate(a_seconds{le_="x by (y)"}[$__rate_interval]))) > 1',
    'histogram_quantile(0.5, sum by (vmrange) (increase(a_seconds_bucket{le_="x by (y)"}[$__rate_interval]))) > 1',
  ],
  [
    'histogram_quantile(0.5, sum(rate(a_seconds[5m])) by (model, endpoint))',
    'histogram_quantile(0.5, sum(increase(a_seconds_bucket[5m])) by (model, endpoint, vmrange))',
  ],
  [
    'max by (model) (histogram_quantile(0.5, sum without (instance) (rate(a_seconds[5m] offset 1h)))) unless b',
    'max by (model) (histogram_quantile(0.5, sum without (instance) (increase(a_seconds_bucket[5m] offset 1h)))) unless b',
  ],
];

describe('MetricsQL', () => {
  for (const [promql, expected] of written)
    it(`asks ranges of values where PromQL has a native histogram: ${promql}`, () => {
      assert.equal(asMetricsql(promql), expected);
    });

  for (const promql of [
    'histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5m])))',
    'sum by (status) (rate(inference_requests_total[5m])) / on () group_left () b',
    'up{job="histogram_quantile(x)"} == 0',
  ])
    it(`leaves as it is what both languages have: ${promql}`, () => {
      assert.equal(asMetricsql(promql), promql);
    });

  it('says where exemplars would be that there are none, and asks nothing', async () => {
    const answer = await metricsql({ path: '/api/v1/query_exemplars', parameters: new URLSearchParams() }, () =>
      Promise.reject(new Error('asked')),
    );
    const { data, infos } = JSON.parse(answer.toString()) as { data: unknown[]; infos: string[] };
    assert.deepEqual(data, []);
    assert.match(infos[0]!, /stores no exemplars/);
  });
});
