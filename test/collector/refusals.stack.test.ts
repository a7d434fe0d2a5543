import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { lokiLines, prometheusQuery } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { encode, nowNanoseconds, type Placed, type PlainMap, post } from './otlp-json.ts';

describe('what a backend refuses for good', function () {
  this.timeout(900_000);
  let stack: Stack;
  before(async () => {
    stack = await startStack({
      only: ['collector', 'prometheus', 'loki'],
      env: { VITRINE_BACKENDS: 'prometheus,loki', VITRINE_COLLECTOR_FLUSH_MS: '500' },
    });
  });
  after(() => stack?.close());

  const door = () => `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
  const failed = async (what: string): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${stack.port('collectorMetricsPort')}/metrics`);
    const lines = (await answer.text())
      .split('\n')
      .filter((one) => one.startsWith(`otelcol_exporter_send_failed_${what}`));
    return lines.reduce((sum, one) => sum + Number(one.split(' ').at(-1)), 0);
  };
  const metric = (sender: string, record: PlainMap): Placed => ({
    place: {
      resource: { 'service.name': sender, 'service.instance.id': sender },
      scope: { name: 'test', attributes: {} },
    },
    record: { name: 'refusals', ...record },
  });

  it('takes no points of other senders with it, and is counted and logged', async () => {
    // While Prometheus is down the requests gather in one queue, next to each other.
    await stack.stop('prometheus');
    const time = nowNanoseconds();
    for (let round = 0; round < 5; round++) {
      const good = { gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1' }] } };
      await post(door(), 'metrics', encode('metrics', [metric(`good-${round}`, good)]));
      // One observation in its buckets, thirty by its count: nothing before Prometheus can know.
      const point = { timeUnixNano: time, count: '30', sum: 1, scale: 1, positive: { offset: 0, bucketCounts: ['1'] } };
      const bad = { exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] } };
      await post(door(), 'metrics', encode('metrics', [metric(`bad-${round}`, bad)]));
    }
    await stack.start('prometheus');
    await waitFor('the points of the good senders', async () => {
      const samples = await prometheusQuery(stack.url('prometheus'), 'refusals');
      const jobs = new Set(samples.map(({ labels }) => labels.job));
      return [0, 1, 2, 3, 4].every((round) => jobs.has(`good-${round}`));
    });
    await waitFor('the count of what was lost', async () => (await failed('metric_points')) === 5);
    assert.match(
      await readFile(stack.logPath('collector'), 'utf8'),
      /Exporting failed. Dropping data.*"dropped_items":1/,
    );
  });

  it('takes no lines with it, not even of the same request', async () => {
    const line = (body: string, timeUnixNano: string): Placed => ({
      place: { resource: { 'service.name': 'refusals' }, scope: { name: 'test', attributes: {} } },
      record: { body, timeUnixNano },
    });
    // Six days back passes the Collector's own check; Loki, with a newer line of the stream in hand,
    // refuses it.
    await post(door(), 'logs', encode('logs', [line('new', nowNanoseconds())]));
    await waitFor('the first line', async () => (await lines()).includes('new'));
    const records = [
      line('before', nowNanoseconds()),
      line('too old', nowNanoseconds(-6 * 86_400_000)),
      line('after', nowNanoseconds()),
    ];
    await post(door(), 'logs', encode('logs', records));
    const got = await waitFor('the neighbours', async () => {
      const found = await lines();
      return found.includes('before') && found.includes('after') && found;
    });
    assert.ok(!got.includes('too old'));
    await waitFor('the count of the request', async () => (await failed('log_records')) >= 1);
  });

  const lines = async () => (await lokiLines(stack.url('loki'), '{service_name="refusals"}')).map(({ line }) => line);
});
