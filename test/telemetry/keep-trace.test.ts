import assert from 'node:assert/strict';
import { type Outcome, TraceKeeper, type TraceKeeperOptions } from '../../src/telemetry/keep-trace.ts';
import { waitFor } from '../support/wait-for.ts';

describe('keeping a trace', () => {
  it('goes by the outcome: failed, slow, forced, the caller’s wish', () => {
    const keeper = keep();
    assert.equal(keeper.decide({ ...quiet, failed: true }), 'failed');
    assert.equal(keeper.decide({ ...quiet, tookMs: 1_000 }), 'slow');
    assert.equal(keeper.decide({ ...quiet, forced: true }), 'forced');
    assert.equal(keeper.decide({ ...quiet, callerSampled: true }), 'caller');
    assert.equal(keeper.decide(quiet), undefined);
  });

  it('keeps the first of each model every second, and one in so many of the rest', async () => {
    const keeper = keep({
      firstPerSecond: 2,
      settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 4, trace_count: -1 }),
    });
    await beginningOfSecond();
    const kept = Array.from({ length: 10 }, () => keeper.decide(quiet));
    assert.deepEqual(kept.slice(0, 2), ['first', 'first']);
    assert.deepEqual(
      kept.map((each, at) => (each === 'sample' ? at : -1)).filter((at) => at >= 0),
      [3, 7],
    );
    assert.equal(keeper.decide({ ...quiet, model: 'another' }), 'first');
    await waitFor('the next second', () => keeper.decide(quiet) === 'first');
  });

  it('lets callers and failures have so many a second and no more', async () => {
    const keeper = keep({ forcedPerSecond: 3, troublePerSecond: 5 });
    await beginningOfSecond();
    const forced = Array.from({ length: 20 }, (_, at) =>
      keeper.decide({ ...quiet, forced: at % 2 === 0, callerSampled: at % 2 === 1 }),
    );
    assert.equal(forced.filter((each) => each !== undefined).length, 3);
    const failed = Array.from({ length: 20 }, () => keeper.decide({ ...quiet, failed: true }));
    assert.equal(failed.filter((each) => each === 'failed').length, 5);
  });

  it('always keeps tasks, what was profiled, low scores and what has a log line, whatever the rates and quotas are', () => {
    const keeper = keep({
      forcedPerSecond: 0,
      settings: () => ({ trace_level: ['OFF'], trace_rate: 1, trace_count: 0 }),
    });
    for (const always of ['task', 'profiled', 'quality', 'logged'] as const)
      for (let asked = 0; asked < 200; asked += 1) assert.equal(keeper.decide({ ...quiet, always }), always);
    assert.equal(keeper.decide({ ...quiet, always: 'task', failed: true }), 'failed', 'what went wrong says more');
    assert.equal(keep().decide({ ...quiet, always: 'logged', forced: true }), 'forced');
  });

  it('follows the trace settings: OFF takes no samples, a count ends them', () => {
    const off = keep({ firstPerSecond: 5, settings: () => ({ trace_level: ['OFF'], trace_rate: 1, trace_count: -1 }) });
    assert.equal(off.decide(quiet), undefined);
    assert.equal(off.decide({ ...quiet, failed: true }), 'failed');
    const three = keep({ settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 1, trace_count: 3 }) });
    assert.equal(Array.from({ length: 9 }, () => three.decide(quiet)).filter((each) => each === 'sample').length, 3);
  });
});

const quiet: Outcome = { model: 'm', failed: false, tookMs: 1, forced: false, callerSampled: false, always: undefined };

function keep(options: Partial<TraceKeeperOptions> = {}): TraceKeeper {
  return new TraceKeeper({
    firstPerSecond: 0,
    slowMs: 1_000,
    forcedPerSecond: 100,
    troublePerSecond: 100,
    settings: () => ({ trace_level: ['TIMESTAMPS'], trace_rate: 1_000_000, trace_count: -1 }),
    ...options,
  });
}

/** The quotas are by the second of the process's clock; a test that counts them begins with one. */
async function beginningOfSecond(): Promise<void> {
  await waitFor('the beginning of a second', () => performance.now() % 1000 < 200, { everyMs: 5 });
}
