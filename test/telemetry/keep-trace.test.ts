import assert from 'node:assert/strict';
import { TraceKeeper, type TraceKeeperOptions } from '../../src/observe/keep-trace.ts';

describe('keeping a trace', () => {
  it('goes by the outcome: failed, slow, forced, the caller’s wish', () => {
    const keeper = keep();
    assert.equal(decide(keeper, failed, undefined, undefined), 'failed');
    assert.equal(decide(keeper, { ...quiet, tookMs: 1_000 }, undefined, undefined), 'slow');
    assert.equal(decide(keeper, quiet, 'forced', undefined), 'forced');
    assert.equal(decide(keeper, quiet, 'caller', undefined), 'caller');
    assert.equal(decide(keeper, quiet, undefined, undefined), undefined);
  });

  it('keeps the first of each model every second, and one in so many of the rest', () => {
    const keeper = keep({
      firstPerSecond: 2,
      settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 4, trace_count: -1 }),
    });
    const kept = Array.from({ length: 10 }, () => decide(keeper, quiet, undefined, undefined));
    assert.deepEqual(kept.slice(0, 2), ['first', 'first']);
    assert.deepEqual(
      kept.map((each, at) => (each === 'sample' ? at : -1)).filter((at) => at >= 0),
      [3, 7],
    );
    assert.equal(decide(keeper, { ...quiet, model: 'another' }, undefined, undefined), 'first');
    const late = { ...quiet, startedAt: quiet.startedAt + 1_000 };
    assert.equal(decide(keeper, late, undefined, undefined), 'first');
    assert.equal(decide(keeper, quiet, undefined, undefined), 'first');
    assert.notEqual(decide(keeper, late, undefined, undefined), 'first', 'one of the second before begins no other');
  });

  it('says for how many requests it stands, so that the sum over kept traces is all requests', () => {
    const keeper = keep({
      firstPerSecond: 2,
      settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 4, trace_count: -1 }),
    });
    let weights = 0;
    for (let sent = 1; sent <= 43; sent += 1) {
      const trouble = sent % 10 === 0;
      const kept = decide(keeper, trouble ? failed : quiet, undefined, sent === 43 ? 'logged' : undefined);
      if (kept === 'failed') assert.equal(keeper.weight, 1);
      if (kept !== undefined) weights += keeper.weight;
    }
    assert.equal(weights, 43);
  });

  it('lets callers and failures have so many a second and no more', () => {
    const keeper = keep({ forcedPerSecond: 3, troublePerSecond: 5 });
    const forced = Array.from({ length: 20 }, (_, at) =>
      decide(keeper, quiet, at % 2 === 0 ? 'forced' : 'caller', undefined),
    );
    assert.equal(forced.filter((each) => each !== undefined).length, 3);
    const kept = Array.from({ length: 20 }, () => decide(keeper, failed, undefined, undefined));
    assert.equal(kept.filter((each) => each === 'failed').length, 5);
  });

  it('leaves each tenant a share of them', () => {
    const keeper = keep({ forcedPerSecond: 8, troublePerSecond: 8, sharePercent: 25 });
    const of = (outcome: Outcome, tenant: string, wanted?: 'forced') =>
      Array.from({ length: 20 }, () => decide(keeper, { ...outcome, tenant }, wanted, undefined)).filter(
        (each) => each === (wanted ?? 'failed'),
      ).length;
    assert.deepEqual([of(quiet, 'ann', 'forced'), of(quiet, 'bob', 'forced')], [4, 2]);
    assert.deepEqual([of(failed, 'ann'), of(failed, 'bob')], [4, 2]);
  });

  it('always keeps tasks, what was profiled, low scores and what has a log line, whatever the rates and quotas are', () => {
    const keeper = keep({
      forcedPerSecond: 0,
      settings: () => ({ trace_level: ['OFF'], trace_rate: 1, trace_count: 0 }),
    });
    for (const always of ['task', 'profiled', 'quality', 'logged'] as const)
      for (let asked = 0; asked < 200; asked += 1) assert.equal(decide(keeper, quiet, undefined, always), always);
    assert.equal(decide(keeper, failed, undefined, 'task'), 'failed', 'what went wrong says more');
    assert.equal(decide(keep(), quiet, 'forced', 'logged'), 'forced');
  });

  it('follows the trace settings: OFF takes no samples, a count ends them', () => {
    const off = keep({ firstPerSecond: 5, settings: () => ({ trace_level: ['OFF'], trace_rate: 1, trace_count: -1 }) });
    assert.equal(decide(off, quiet, undefined, undefined), undefined);
    assert.equal(decide(off, failed, undefined, undefined), 'failed');
    const three = keep({ settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 1, trace_count: 3 }) });
    assert.equal(
      Array.from({ length: 9 }, () => decide(three, quiet, undefined, undefined)).filter((each) => each === 'sample')
        .length,
      3,
    );
  });
});

type Outcome = Parameters<TraceKeeper['decide']>[0] & Parameters<TraceKeeper['decide']>[1];

function decide(keeper: TraceKeeper, of: Outcome, ...wanted: [Wanted[2], Wanted[3]]) {
  return keeper.decide(of, of, ...wanted);
}

type Wanted = Parameters<TraceKeeper['decide']>;

const quiet: Outcome = { tenant: 'ann', model: 'm', status: 200, failure: undefined, startedAt: 5_000, tookMs: 1 };
const failed: Outcome = { ...quiet, status: 503, failure: 'queue_full' };

function keep(options: Partial<TraceKeeperOptions> = {}): TraceKeeper {
  return new TraceKeeper({
    firstPerSecond: 0,
    slowMs: 1_000,
    forcedPerSecond: 100,
    troublePerSecond: 100,
    sharePercent: 0,
    settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 1_000_000, trace_count: -1 }),
    ...options,
  });
}
