import assert from 'node:assert/strict';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { serializeMetrics } from '../../src/telemetry/export/exemplary-metrics.ts';
import { producerOf } from '../../src/telemetry/export/meter-producer.ts';
import { HistogramSeries } from '../../src/telemetry/meter/histogram-series.ts';
import { SummedHistogram } from '../../src/telemetry/meter/summed-histogram.ts';
import { Meter } from '../../src/telemetry/meter.ts';

const ids = { traceId: '0123456789abcdef0123456789abcdef', spanId: '0123456789abcdef' };

describe('metrics with exemplars', () => {
  it('are what the official serializer writes, and the exemplars', async () => {
    const meter = new Meter();
    const series = meter.histogram('inferenceSeconds').series('m', '');
    for (const seconds of [0.002, 0.3, 7000]) series.record(seconds);
    meter.counter('defects').series('job').value += 1;
    const plain = await collected(meter);
    assert.deepEqual(Buffer.from(serializeMetrics(plain)), officially(plain));

    series.exemplify({ ...ids, value: 0.3, atMs: Date.now() });
    const exemplary = await collected(meter);
    const bytes = Buffer.from(serializeMetrics(exemplary));
    for (const id of [ids.traceId, ids.spanId]) {
      const at = bytes.indexOf(Buffer.from(id, 'hex'));
      assert.ok(at > 0 && bytes.indexOf(Buffer.from(id, 'hex'), at + 1) > at, 'in the histogram and in its twin');
    }
    // Everything but the exemplars, whatever the order of the metrics and of the fields is.
    const exemplarBytes = 2 * (2 + 2 + 8 + 9 + 9 + 18 - 2);
    const second = officially({ resource: exemplary.resource, scopeMetrics: [] }).length;
    assert.ok(bytes.length > officially(exemplary).length + exemplarBytes);
    assert.ok(bytes.length < officially(exemplary).length + exemplarBytes + second + 120);
  });

  it('leave with the export after they were made, once, whatever the clock says', async () => {
    const meter = new Meter();
    const series = meter.histogram('inferenceSeconds').series('m', '');
    series.record(0.3);
    const producer = producerOf(meter);
    const bytesOf = async () => Buffer.from(serializeMetrics(await withResource(producer.collect())));
    series.exemplify({ ...ids, value: 0.3, atMs: Date.now() });
    assert.ok((await bytesOf()).includes(Buffer.from(ids.traceId, 'hex')));
    assert.ok(!(await bytesOf()).includes(Buffer.from(ids.traceId, 'hex')));
    series.exemplify({ ...ids, value: 0.3, atMs: Date.now() - 60_000 });
    assert.ok((await bytesOf()).includes(Buffer.from(ids.traceId, 'hex')));
    assert.ok(!(await bytesOf()).includes(Buffer.from(ids.traceId, 'hex')));
  });
});

describe('a histogram that is made of finer ones', () => {
  it('has their counts in its own buckets, and of each bucket the newest exemplar', () => {
    const parts = [new HistogramSeries([1, 2, 3, 4], undefined), new HistogramSeries([1, 2, 3, 4], undefined)];
    const sum = new SummedHistogram([2, 4]);
    for (const part of [...parts, ...parts]) sum.add(part);
    for (const value of [0.5, 1.5, 3, 9]) for (const part of parts) part.record(value);
    parts[0]!.exemplify({ ...ids, value: 0.5, atMs: 1 });
    parts[1]!.exemplify({ ...ids, value: 1.5, atMs: 2 });
    const { count, counts, sum: total, exemplars } = sum.snapshot(1);
    assert.deepEqual([count, counts, total], [8, [4, 2, 2], 28]);
    assert.deepEqual(
      exemplars?.map(({ value }) => value),
      [1.5],
    );
  });

  it('refuses a part that has not all of its bounds', () => {
    assert.throws(() => new SummedHistogram([2]).add(new HistogramSeries([1, 3], undefined)), /no bound at 2/);
  });
});

function officially(metrics: ResourceMetrics): Buffer {
  return Buffer.from(ProtobufMetricsSerializer.serializeRequest(metrics)!);
}

function collected(meter: Meter): Promise<ResourceMetrics> {
  return withResource(producerOf(meter).collect());
}

async function withResource(collecting: ReturnType<ReturnType<typeof producerOf>['collect']>) {
  const { resourceMetrics } = await collecting;
  return { ...resourceMetrics, resource: resourceFromAttributes({ 'service.name': 'vitrine' }) };
}
