import assert from 'node:assert/strict';
import { producerOf } from '../../src/telemetry/export/meter-producer.ts';
import { Meter, type Point } from '../../src/telemetry/meter.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a meter', () => {
  it('counts exactly, by labels; an empty value is no label', () => {
    const counter = new Meter().counter('httpRequests');
    counter.series('GET', '/v2', '200', '').value += 1;
    counter.series('GET', '/v2', '200', '').value += 2;
    counter.series('GET', '/v2', '404', 'caller');
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

  it('puts a value into the bucket whose upper bound it does not exceed', () => {
    const series = new Meter().histogram('httpRequestSeconds').series('GET', '/v2');
    for (const seconds of [0.001, 0.0011, 100]) series.record(seconds);
    const { count, counts } = series.snapshot(0);
    assert.equal(count, 3);
    assert.deepEqual([counts[0], counts[1], counts.at(-1)], [1, 1, 1]);
  });

  it('records the values of a histogram in its exponential twin too, under the same labels', () => {
    const meter = new Meter();
    meter.histogram('modelInferenceSeconds').series('m', 'diffusion', '').record(0.5);
    const [point] = newest(meter.exponential('modelInferenceLatency'));
    assert.deepEqual(point?.labels, { model: 'm', model_type: 'diffusion' });
    assert.deepEqual([point?.value.count, point?.value.sum], [1, 0.5]);
  });

  it('has a limit of series: whatever comes beyond is added up in one that says so, and nothing is lost', () => {
    const counter = new Meter().counter('httpRequests');
    for (let made = 0; made < 5_000; made += 1) counter.series('GET', `/made-up/${made}`, '200', '').value += 1;
    const points = newest(counter);
    assert.equal(points.length, 2_001);
    const beyond = points.filter(({ labels }) => labels['otel.metric.overflow'] === 'true');
    assert.deepEqual(
      beyond.map(({ value }) => value),
      [3_000],
    );
  });

  it('exports the zero of a series first, as of its beginning, and once: the first event is an increase too', async () => {
    const meter = new Meter();
    const [counter, histogram] = [meter.counter('errors'), meter.histogram('httpRequestSeconds')];
    const exponential = meter.exponential('inferenceLatency');
    const begunMs = Date.now();
    counter.series('busy', '/v2', 'server').value += 3;
    histogram.series('GET', '/v2').record(0.1);
    exponential.series('some', '').record(0.1);
    const allBegunMs = Date.now();
    await waitFor('time to pass', () => Date.now() > allBegunMs + 2, { everyMs: 1 });
    const count = (value: number | { count: number }) => (typeof value === 'number' ? value : value.count);
    for (const [metric, wanted] of [
      [counter, 3],
      [histogram, 1],
      [exponential, 1],
    ] as const) {
      const [zero, first, ...more] = metric.points();
      assert.ok(zero && first && more.length === 0);
      assert.deepEqual([count(zero.value), count(first.value)], [0, wanted]);
      assert.ok(zero.atMs < first.atMs && zero.atMs >= begunMs && zero.atMs === zero.startMs);
      assert.deepEqual(
        metric.points().map(({ value }) => count(value)),
        [wanted],
      );
    }
  });

  it('exports a series that begins during a collection the next time, with its zero', () => {
    const counter = new Meter().counter('errors');
    const before = Date.now() - 1_000;
    counter.series('busy', '/v2', 'server').value += 3;
    assert.deepEqual([...counter.eachPoint(before, 1)], []);
    assert.deepEqual(
      [...counter.eachPoint(Date.now() + 1, 2)].map(({ value }) => value),
      [0, 3],
    );
  });

  it('lets requests between while it collects many series', async () => {
    const meter = new Meter();
    const latency = meter.exponential('inferenceLatency');
    const requests = meter.histogram('httpRequestSeconds');
    for (let at = 0; at < 2_000; at += 1)
      for (const value of [0.001, 0.1, 3]) {
        latency.series(`model ${at}`, '').record(value);
        requests.series('GET', `/v2/${at}`).record(value);
      }
    const producer = producerOf(meter);
    let turns = 0;
    let collecting = true;
    const turn = () => {
      turns += 1;
      if (collecting) setImmediate(turn);
    };
    setImmediate(turn);
    const { resourceMetrics } = await producer.collect();
    collecting = false;
    assert.equal(resourceMetrics.scopeMetrics[0]!.metrics.length, 3);
    assert.ok(turns >= 3, `${turns} turns`);
  });

  it('gives the same instrument for the same name, and another meter has its own', () => {
    const [one, other] = [new Meter(), new Meter()];
    assert.equal(one.counter('jobs'), one.counter('jobs'));
    one.counter('jobs').series('generate', 'done', '').value += 1;
    assert.deepEqual(other.counter('jobs').points(), []);
  });

  it('collects all of it: what was counted, what is read, and what has names of its own', async () => {
    const meter = new Meter();
    meter.counter('tracesKept').series('sampled').value += 2;
    meter.counter('jobs');
    meter.gauge('modelAccuracy', (observe) => observe(0.5, 'one', 'held_out'));
    meter.gauge('modelAccuracy', async (observe) => observe(0.75, 'other', 'held_out'));
    meter.observe((observe) => {
      observe('jobsWaiting', 4, 'score');
      observe('budgetRefused', 5, 'connections', 'full');
    });
    const pushed = { name: 'pushed', unit: '', says: '', kind: 'gauge' as const };
    meter.produce(() => [{ ...pushed, points: [{ labels: {}, startMs: 0, atMs: 0, value: 1 }] }]);
    const { metrics, errors } = await meter.collect();
    const found = metrics.map(({ name, kind, points }) => {
      const values = points.map(({ labels, value }) => [...Object.values(labels), value]);
      return [name, kind, ...values.slice(kind === 'counter' ? -1 : 0)];
    });
    assert.deepEqual(found, [
      ['vitrine.traces.kept', 'counter', ['sampled', 2]],
      ['model.accuracy', 'gauge', ['one', 'held_out', 0.5], ['other', 'held_out', 0.75]],
      ['jobs.waiting', 'gauge', ['score', 4]],
      ['vitrine.budget.refused', 'counter', ['connections', 'full', 5]],
      ['pushed', 'gauge', [1]],
    ]);
    assert.deepEqual(errors, []);
  });

  it('begins the series of what has become known before it collects', async () => {
    const meter = new Meter();
    meter.beforeCollecting(() => meter.counter('tracesKept').series('sampled'));
    const { metrics } = await meter.collect();
    assert.deepEqual(
      metrics.map(({ points }) => points.map(({ value }) => value)),
      [[0]],
    );
  });

  it('leaves out what cannot be read, with its error, and exports everything else', async () => {
    const meter = new Meter();
    const reasons = ['sync', 'async', 'prepare', 'produce'].map((what) => new Error(what));
    const fail = (at: number) => () => {
      throw reasons[at];
    };
    meter.gauge('jobsOldest', fail(0));
    meter.gauge('jobsRunning', async (observe) => {
      observe(1, 'score');
      fail(1)();
    });
    meter.beforeCollecting(fail(2));
    meter.produce(fail(3));
    meter.gauge('heartbeat', (observe) => observe(7));
    const { metrics, errors } = await meter.collect();
    assert.deepEqual(
      metrics.map(({ points }) => points.map(({ value }) => value)),
      [[7]],
    );
    assert.deepEqual(new Set(errors), new Set(reasons));
  });

  it('does not wait for a source that hangs', async () => {
    const meter = new Meter();
    meter.gauge('dataDiskUtilization', () => new Promise(() => undefined));
    meter.gauge('heartbeat', (observe) => observe(7));
    const { metrics, errors } = await meter.collect();
    assert.equal(metrics.length, 1);
    assert.match(String(errors[0]), /did not answer within/);
  });

  it('begins an observed counter again when it falls', async () => {
    const meter = new Meter();
    let value = 5;
    meter.observedCounter('gpuEnergy', (observe) => observe(value, 'id', 'name', 'gpu'));
    const startMs = async () => (await meter.collect()).metrics[0]?.points[0]?.startMs ?? Number.NaN;
    const first = await startMs();
    await waitFor('time to pass', () => Date.now() > first, { everyMs: 1 });
    assert.equal(await startMs(), first);
    value = 1;
    assert.ok((await startMs()) > first);
  });
});

/** Without the zeros, which are exported once. */
function newest<Value>(instrument: { points(): Point<Value>[] }): Point<Value>[] {
  instrument.points();
  return instrument.points();
}
