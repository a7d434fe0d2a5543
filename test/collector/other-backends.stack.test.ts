import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prometheusQuery } from '../../testkit/backends.ts';
import { startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { numbered } from './numbered-load.ts';
import { encode, type Json, nowNanoseconds, type Placed, post } from './otlp-json.ts';

const counter = (value: number): Placed => ({
  place: {
    resource: { 'service.name': 'other', 'service.instance.id': 'other-1' },
    scope: { name: 'vitrine', attributes: {} },
  },
  record: {
    name: 'jobs.done',
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: [
        { startTimeUnixNano: nowNanoseconds(-60_000), timeUnixNano: nowNanoseconds(), asInt: String(value) },
      ],
    },
  },
});

describe('the backend', function () {
  this.timeout(900_000);

  it('prometheus-remote-write keeps what waits on disk through kill -9, though its exporter has no queue', async () => {
    await using stack = await startStack({
      only: ['collector', 'prometheus'],
      env: { VITRINE_BACKENDS: 'prometheus-remote-write' },
    });
    const door = `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
    await stack.stop('prometheus');
    await post(door, 'metrics', encode('metrics', [counter(41)]));
    await stack.kill('collector', 'SIGKILL');
    await stack.start('collector');
    await stack.start('prometheus');
    await waitFor('the count', async () => {
      const [sample] = await prometheusQuery(
        stack.url('prometheus'),
        'jobs_done_total{job="other",instance="other-1"}',
      );
      return sample?.value === 41;
    });
  });

  it('prometheus-scrape offers the newest values at /metrics', async () => {
    await using stack = await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'prometheus-scrape' } });
    const door = `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
    await post(door, 'metrics', encode('metrics', [counter(41)]));
    await post(door, 'metrics', encode('metrics', [counter(42)]));
    await waitFor('the count', async () => {
      const answer = await fetch(`http://127.0.0.1:${stack.port('collectorScrapePort')}/metrics`);
      return /^jobs_done_total\{.*job="other".*\} 42/m.test(await answer.text());
    });
  });

  it('file needs nothing but a disk', async () => {
    await using stack = await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'file' } });
    const door = `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      await post(door, signal, encode(signal, [numbered(signal, 7)]));
      const line = await waitFor(`a line of ${signal}`, async () => {
        const text = await readFile(join(stack.data, 'collector/files', `${signal}.jsonl`), 'utf8');
        return text.split('\n').find((one) => one.includes('"numbered"'));
      });
      assert.ok((JSON.parse(line) as Json) !== null);
    }
  });

  it('tail-sampling keeps a failed trace, and not one of which nothing is to be said', async () => {
    await using stack = await startStack({
      only: ['collector'],
      env: { VITRINE_BACKENDS: 'tail-sampling,file', VITRINE_TAIL_WAIT: '1s', VITRINE_TAIL_PERCENT: '0' },
    });
    const door = `http://127.0.0.1:${stack.port('otlpHttpPort')}`;
    const failed = numbered('traces', 1);
    const well = numbered('traces', 2);
    failed.record.status = { code: 2 };
    await post(door, 'traces', encode('traces', [well, failed]));
    const text = await waitFor('the failed trace', async () => {
      const all = await readFile(join(stack.data, 'collector/files/traces.jsonl'), 'utf8');
      return all.includes(String(failed.record.traceId)) && all;
    });
    assert.ok(!text.includes(String(well.record.traceId)));
  });
});
