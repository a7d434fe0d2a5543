import assert from 'node:assert/strict';
import { HotCounter, HotHistogram } from '../../src/telemetry/hot-series.ts';

describe('the series of the request path', () => {
  it('are counted exactly, by their labels', () => {
    const counter = new HotCounter('httpRequests');
    counter.series('GET', '/v2', '200').value += 1;
    counter.series('GET', '/v2', '200').value += 2;
    counter.series('GET', '/v2', '404');
    const { points } = counter.collect();
    assert.deepEqual(
      points.map(({ labels, value }) => [labels.status, value]),
      [
        ['200', 3],
        ['404', 0],
      ],
    );
    assert.deepEqual(points[0]?.labels, { method: 'GET', endpoint: '/v2', status: '200' });
  });

  it('put a value into the bucket whose upper bound it does not exceed', () => {
    const histogram = new HotHistogram('httpRequestSeconds');
    const series = histogram.series('GET', '/v2');
    for (const seconds of [0.001, 0.0011, 100]) series.record(seconds);
    const { value } = series.point();
    assert.equal(value.count, 3);
    assert.deepEqual([value.counts[0], value.counts[1], value.counts.at(-1)], [1, 1, 1]);
  });

  it('end at a limit: what comes beyond is added up in one that says so, and nothing is lost', () => {
    const counter = new HotCounter('httpRequests');
    for (let made = 0; made < 5_000; made += 1) counter.series('GET', `/made-up/${made}`, '200').value += 1;
    const { points } = counter.collect();
    assert.equal(points.length, 2_001);
    const beyond = points.filter(({ labels }) => labels['otel.metric.overflow'] === 'true');
    assert.deepEqual(
      beyond.map(({ value }) => value),
      [3_000],
    );
  });
});
