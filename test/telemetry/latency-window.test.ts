import assert from 'node:assert/strict';
import { LatencyWindow, otherModels } from '../../src/telemetry/flight/latency-window.ts';
import { Ring } from '../../src/telemetry/flight/ring.ts';

describe('the latency of a window', () => {
  it('is exact but for the percentiles, and those within 2 %', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 4 });
    const all: number[] = [];
    for (let at = 0; at < 20_000; at += 1) {
      const tookMs = 0.05 * 1.0006 ** at;
      all.push(tookMs);
      window.add('m', 1_000, tookMs, at % 10 === 0);
    }
    const told = window.summary(1, 1_000).models.get('m');
    assert.ok(told);
    assert.equal(told.count, 20_000);
    assert.equal(told.failures, 2_000);
    assert.equal(told.minMs, all[0]);
    assert.equal(told.maxMs, all.at(-1));
    for (const [found, rank] of [
      [told.p50Ms, 10_000],
      [told.p95Ms, 19_000],
      [told.p99Ms, 19_800],
    ] as const) {
      const exact = all[rank - 1] ?? 0;
      assert.ok(Math.abs(found / exact - 1) <= 0.02, `${found} for ${exact}`);
    }
  });

  it('forgets what is older than it, and says where it begins', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 4 });
    for (let minute = 0; minute < 200; minute += 1) window.add('m', minute * 60_000 + 1, 1, false);
    const { fromMs, models } = window.summary(15, 199.5 * 60_000);
    assert.equal(models.get('m')?.count, 16);
    assert.equal(fromMs, 184 * 60_000);
    assert.equal(window.summary(1_000, 199.5 * 60_000).models.get('m')?.count, 61, 'memory is bounded by the hour');
  });

  it('adds up the models beyond its limit', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 2 });
    for (let model = 0; model < 100; model += 1) window.add(`m${model}`, 0, 1, false);
    const { models } = window.summary(1, 0);
    assert.deepEqual([...models.keys()].sort(), [otherModels, 'm0', 'm1'].sort());
    assert.equal(models.get(otherModels)?.count, 98);
  });
});

describe('a ring', () => {
  it('holds the last so many, the newest first', () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3, 4, 5]) ring.add(item);
    assert.deepEqual([...ring], [5, 4, 3]);
  });
});
