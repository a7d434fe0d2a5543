import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { BatchFacts } from '../../src/engine/inference.ts';
import { LaneMessages } from '../../src/observe/what-if/lane-messages.ts';
import { outcomeCode } from '../../src/observe/what-if/recorded-load.ts';
import { replayLoad } from '../../src/observe/what-if/replay-load.ts';
import { whatIf } from '../../src/observe/what-if/what-if.ts';
import { type MadeUp, madeUpLoad, replayOn } from './made-up-load.ts';

/** Ten requests, 5 ms apart, of 10 ms each. */
const tooMany: readonly MadeUp[] = Array.from({ length: 10 }, (_, place) => ({ at: 5 * place, laneMs: 10 }));

describe('a replay of recorded arrivals', () => {
  it('has each wait for those before it, in one lane', () => {
    const { queueMs } = replayLoad(madeUpLoad(tooMany), replayOn());
    assert.deepEqual(
      [...queueMs].map((ms) => Math.round(ms)),
      [0, 5, 10, 15, 20, 25, 30, 35, 40, 45],
    );
  });

  it('has nobody wait where two lanes suffice, with cores enough', () => {
    const { queueMs } = replayLoad(madeUpLoad(tooMany), replayOn({ file: { lanes: { count: 2 } } }));
    assert.ok(Math.max(...queueMs) < 1, [...queueMs].join(' '));
  });

  it('has runs side by side take longer where the cores do not suffice', () => {
    const on = { file: { lanes: { count: 2 } } };
    const [one, two] = [1, 2].map((cores) => replayLoad(madeUpLoad(tooMany), replayOn({ ...on, cores })));
    assert.ok(Math.max(...two!.tookMs) < 11);
    // One core does the work of 100 ms in 100 ms, whatever the lanes.
    assert.ok(Math.abs(Math.max(...one!.tookMs) - 55) < 2, [...one!.tookMs].join(' '));
  });

  it('refuses what the queue has no room for', () => {
    const { outcome } = replayLoad(madeUpLoad(tooMany), replayOn({ file: { queue: { inputs_max: 1 } } }));
    const refused = outcome.filter((code) => code === outcomeCode.refused).length;
    assert.ok(refused >= 3 && refused <= 5, String(refused));
  });

  it('answers too late what waits longer than it may', () => {
    const { outcome } = replayLoad(madeUpLoad(tooMany), replayOn({ inferMsMax: 30 }));
    assert.ok(outcome.some((code) => code === outcomeCode.expired));
    assert.ok(outcome[0] === outcomeCode.answered);
  });

  it('puts rows together that wait, and has them take what the line through recorded runs says', () => {
    // 10 ms and 2 ms a row.
    const seen = [1, 4, 8].map((rows, place) => ({ at: 1000 * place, laneMs: 10 + 2 * rows, rows }));
    const burst = Array.from({ length: 9 }, () => ({ at: 5_000, laneMs: 12, rows: 1 }));
    const on = replayOn({ file: { batching: { rows_max: 8 } } });
    const { tookMs, effort } = replayLoad(madeUpLoad([...seen, ...burst]), on);
    assert.equal(effort.messages, 5);
    assert.ok(Math.abs(tookMs[3]! - 26) < 2, String(tookMs[3]));
    assert.ok(Math.abs(tookMs[11]! - 38) < 3, String(tookMs[11]));
  });

  it('sends as many short runs in one message as the service did, whose messages cost more than their runs', () => {
    // A run takes 0.5 ms; the batcher puts 2 ms of them together.
    const short = { laneMs: 1.5, sessionMs: 0.5 };
    const oneByOne = Array.from({ length: 10 }, (_, place) => ({ at: 10 * place, ...short }));
    const burst = Array.from({ length: 8 }, () => ({ at: 200, ...short }));
    const { effort, tookMs } = replayLoad(madeUpLoad([...oneByOne, ...burst], { overheadMs: 1 }), replayOn());
    assert.equal(effort.messages, 12);
    assert.ok(Math.abs(Math.max(...tookMs) - 6) < 0.2, String(Math.max(...tookMs)));
  });

  it('counts no time of a lane twice for runs that shared a message', () => {
    const one = { lane: 'thread-0', startedAt: 100, endedAt: 104, id: 1, sessionMs: 1 } as BatchFacts;
    const messages = new LaneMessages([one, { ...one, id: 2, sessionMs: 2 }, { ...one, id: 3, startedAt: 105 }]);
    assert.equal(messages.heldMs(one), 2);
    assert.equal(messages.heldMs({ ...one, id: 2, sessionMs: 2 }), 3);
    assert.equal([...messages].length, 2);
  });

  it('has a task call again once it has its answer', () => {
    const calls = [0, 1, 2].map((place) => ({ at: 20 * place, laneMs: 10, previous: place - 1, thinkMs: 10 }));
    const other = { at: 1, laneMs: 100 };
    const load = madeUpLoad([{ ...calls[0]! }, other, { ...calls[1]!, previous: 0 }, { ...calls[2]!, previous: 2 }]);
    const { queueMs } = replayLoad(load, replayOn());
    // The second call comes at 20 ms and finds the other's run, which ends at 110 ms.
    assert.ok(Math.abs(queueMs[2]! - 90) < 1 && queueMs[3]! < 1, [...queueMs].join(' '));
  });

  it('shares the arrivals out between replicas', () => {
    const { queueMs } = replayLoad(madeUpLoad(tooMany), replayOn({ replicas: 2 }));
    assert.ok(Math.max(...queueMs) < 1);
  });

  it('is the same each time, and answers every arrival once', () => {
    const arrival = fc.record({
      at: fc.integer({ min: 0, max: 1_000 }),
      laneMs: fc.integer({ min: 1, max: 50 }),
      rows: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(
        fc.array(arrival, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 8 }),
        (arrivals, count, rowsMax) => {
          const load = madeUpLoad(arrivals.toSorted((one, other) => one.at - other.at));
          const file = { lanes: { count }, batching: { rows_max: rowsMax === 0 ? 0 : rowsMax + 3 } };
          const [one, other] = [1, 2].map(() => replayLoad(load, replayOn({ file })));
          assert.deepEqual(one, other);
          assert.ok(one!.outcome.every((code) => code === outcomeCode.answered));
          const ranMs = arrivals.reduce((sum, { laneMs }) => sum + laneMs, 0);
          if (rowsMax === 0) assert.ok(Math.abs(one!.effort.busyMs - ranMs) < 0.001 * ranMs);
        },
      ),
    );
  });

  it('has half the arrivals without a tenant, and twice as many under twice the load', () => {
    const arrivals = Array.from({ length: 100 }, (_, place) => ({
      at: 20 * place,
      laneMs: 10,
      tenant: place % 2 === 0 ? 'shop' : 'studio',
    }));
    const { replicas: _, ...on } = replayOn();
    const load = madeUpLoad(arrivals);
    assert.equal(whatIf(load, on, { withoutTenant: 'studio' }).changed.arrivals, 50);
    const twice = whatIf(load, on, { load: 2 });
    assert.equal(twice.changed.arrivals, 200);
    assert.ok(twice.changed.utilisation > 0.85 && twice.unchanged.utilisation < 0.6);
    const half = whatIf(load, on, { load: 1.5 }).changed.arrivals;
    assert.ok(half > 125 && half < 175, String(half));
  });
});
