import assert from 'node:assert/strict';
import { braces, countRateBy, meanBy, partOf, quantileBy, rateBy, series } from '../../observability/promql.ts';

describe('PromQL over the table of names', () => {
  it('names metrics and labels as Prometheus has them', () => {
    assert.equal(
      series('gpuUtilization', { hw_id: '~$gpu', job: 'vitrine' }),
      'hw_gpu_utilization_ratio{hw_id=~"$gpu", job="vitrine"}',
    );
    assert.equal(
      rateBy('httpRequests', ['endpoint'], { status: '!~5..' }),
      'sum by (endpoint) (rate(http_requests_total{status!~"5.."}[$__rate_interval]))',
    );
    assert.equal(
      quantileBy(0.95, 'inferenceSeconds', ['model'], {}, '5m'),
      'histogram_quantile(0.95, sum by (model) (rate(inference_latency_seconds[5m])))',
    );
    assert.equal(countRateBy('taskSeconds', [], {}, '1m'), 'sum(rate(task_duration_seconds_count[1m]))');
    assert.equal(
      partOf('inferenceSeconds', 'bucket', { le: '0.5' }),
      'inference_request_duration_seconds_bucket{le="0.5"}',
    );
  });

  it('does not divide by zero where nothing was recorded', () => {
    assert.match(
      meanBy('qualityScore', ['dataset']),
      /\/ \(sum by \(dataset\) \(rate\(audio_quality_score_count\[.*\]\)\) > 0\)$/,
    );
  });

  it('escapes what stands in quotation marks', () => {
    assert.equal(braces({ model: 'a"b\\c' }), '{model="a\\"b\\\\c"}');
  });

  it('refuses a metric or a label that is not in the table, when it is compiled', () => {
    // @ts-expect-error there is no such metric
    assert.throws(() => series('httpRequestz'));
    // @ts-expect-error and this one has no such label
    series('httpRequests', { model: 'a' });
    // @ts-expect-error nor can a gauge be rated
    rateBy('modelsLoaded', []);
  });
});
