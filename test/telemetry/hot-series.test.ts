import assert from 'node:assert/strict';
import { HotExponential } from '../../src/telemetry/meter/hot-exponential.ts';
import { HotCounter, HotHistogram } from '../../src/telemetry/meter/hot-series.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the series of the request path', () => {
  it('are counted exactly, by their labels', () => {
    const counter = new HotCounter('httpRequests');
    counter.series('GET', '/v2', '200').value += 1;
    counter.series('GET', '/v2', '200').value += 2;
    counter.series('GET', '/v2', '404');
    const points = newest(counter);
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
    const points = newest(counter);
    assert.equal(points.length, 2_001);
    const beyond = points.filter(({ labels }) => labels['otel.metric.overflow'] === 'true');
    assert.deepEqual(
      beyond.map(({ value }) => value),
      [3_000],
    );
  });

  it('tell their zero first, as of when they were begun, and once: the first event is an increase too', async () => {
    const [counter, histogram] = [new HotCounter('errors'), new HotHistogram('httpRequestSeconds')];
    const exponential = new HotExponential('inferenceLatency');
    const begunMs = Date.now();
    counter.series('busy', '/v2').value += 3;
    histogram.series('GET', '/v2').record(0.1);
    exponential.series('some').record(0.1);
    await waitFor('time to pass', () => Date.now() > begunMs + 2, { everyMs: 1 });
    const count = (value: number | { count: number }) => (typeof value === 'number' ? value : value.count);
    for (const [metric, wanted] of [
      [counter, 3],
      [histogram, 1],
      [exponential, 1],
    ] as const) {
      const [zero, first, ...more] = metric.collect().points;
      assert.ok(zero && first && more.length === 0);
      assert.deepEqual([count(zero.value), count(first.value)], [0, wanted]);
      assert.ok(zero.atMs < first.atMs && zero.atMs >= begunMs && zero.atMs === zero.startMs);
      assert.deepEqual(
        metric.collect().points.map(({ value }) => count(value)),
        [wanted],
      );
    }
  });
});

/** Without the zeros that are told once. */
function newest(counter: HotCounter) {
  counter.collect();
  return counter.collect().points;
}
