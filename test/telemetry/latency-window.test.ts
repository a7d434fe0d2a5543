import assert from 'node:assert/strict';
import { LatencyWindow, otherModels } from '../../src/observe/flight/latency-window.ts';
import { Ring } from '../../src/observe/flight/ring.ts';

describe('the latency of a window', () => {
  it('is exact but for the percentiles, and those within 2 %', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 4 });
    const all: number[] = [];
    for (let at = 0; at < 20_000; at += 1) {
      const tookMs = 0.05 * 1.0006 ** at;
      all.push(tookMs);
      window.add('m', undefined, 1_000, tookMs, at % 10 === 0 ? (at % 20 === 0 ? 'server' : 'caller') : undefined);
    }
    const [told] = window.summary(1, 1_000).uses;
    assert.ok(told);
    assert.equal(told.count, 20_000);
    assert.equal(told.failures, 2_000);
    assert.deepEqual(told.byFault, { caller: 1_000, left: 0, server: 1_000 });
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
    for (let minute = 0; minute < 200; minute += 1) window.add('m', undefined, minute * 60_000 + 1, 1, undefined);
    const { fromMs, uses } = window.summary(15, 199.5 * 60_000);
    assert.equal(uses[0]?.count, 16);
    assert.equal(fromMs, 184 * 60_000);
    assert.equal(window.summary(1_000, 199.5 * 60_000).uses[0]?.count, 61, 'memory is bounded by the hour');
  });

  it('adds up the models beyond its limit', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 2 });
    for (let model = 0; model < 100; model += 1) window.add(`m${model}`, undefined, 0, 1, undefined);
    const { uses } = window.summary(1, 0);
    assert.deepEqual(uses.map(({ model }) => model).sort(), [otherModels, 'm0', 'm1'].sort());
    assert.equal(uses.find(({ model }) => model === otherModels)?.count, 98);
  });

  it('tells what a model was used for apart', () => {
    const window = new LatencyWindow({ minutesMax: 60, modelsMax: 4 });
    window.add('m', undefined, 0, 1, undefined);
    window.add('m', 'score', 0, 9_000, undefined);
    window.add('m', 'score', 1, 9_000, undefined);
    const { uses } = window.summary(1, 0);
    assert.deepEqual(
      uses.map(({ model, task, count, maxMs }) => [model, task, count, maxMs]),
      [
        ['m', undefined, 1, 1],
        ['m', 'score', 2, 9_000],
      ],
    );
  });
});

describe('a ring', () => {
  it('holds the last so many, the newest first', () => {
    const ring = new Ring<number>(3);
    for (const item of [1, 2, 3, 4, 5]) ring.add(item);
    assert.deepEqual([...ring], [5, 4, 3]);
  });
});
