import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chargeTime } from '../../src/observe/why/charge-time.ts';
import { rank } from '../../src/observe/why/explain.ts';
import { sayPart } from '../../src/observe/why/say-part.ts';
import type { WhyFacts } from '../../src/observe/why/why-facts.ts';
import { MachineRecord } from '../../src/telemetry/host/machine-record.ts';
import { stagesOf } from '../telemetry/flight-records.ts';
import { factsOf, ranFrom, requestOf } from './facts.ts';

const eyes = { sees: () => true, mayName: () => true };

describe('the time of a request', () => {
  it('is charged whole and once, whatever happened meanwhile', () => {
    const ms = fc.double({ min: 0, max: 500, noNaN: true });
    const span = fc.tuple(
      fc.double({ min: 900, max: 3000, noNaN: true }),
      fc.double({ min: 0.1, max: 800, noNaN: true }),
    );
    const stages = fc.record({
      receive: ms,
      decode: ms,
      queue: ms,
      assemble: ms,
      run: ms,
      split: ms,
      encode: ms,
      send: ms,
    });
    fc.assert(
      fc.property(
        stages,
        fc.array(span, { maxLength: 6 }),
        fc.array(span, { maxLength: 6 }),
        fc.array(span, { maxLength: 6 }),
        fc.boolean(),
        fc.constantFrom('ran', 'failed', 'lane_lost'),
        (taken, batches, holds, collections, isTask, outcome) => {
          const on = new MachineRecord();
          const byEnd = ([one, long]: [number, number], [other, longer]: [number, number]) =>
            one + long - other - longer;
          for (const [from, long] of holds.sort(byEnd)) on.holds.add(from, from + long, from % 2 === 0 ? long : 0, 0);
          for (const [from, long] of collections.sort(byEnd)) on.collections.add(from, from + long, 1);
          const beganAt = 1000 + taken.receive + taken.decode + taken.queue;
          const own = ranFrom(beganAt, beganAt + taken.run, {
            outcome,
            sessionMs: taken.run / 2,
            cpuMs: taken.run / 3,
          });
          const ran = batches.map(([from, long]) => ranFrom(from, from + long));
          const record = requestOf(taken, { batch: own, ...(isTask && { task: 'separate' as const }) });
          const facts = factsOf(record, { on, ownModel: ran, ofTask: isTask ? [own] : [] });
          const charged = chargeTime(facts).all.reduce((sum, each) => sum + each.ms, 0);
          assert.ok(
            Math.abs(charged - record.tookMs) < 1e-6 * Math.max(1, record.tookMs),
            `${charged} of ${record.tookMs}`,
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it('that it waited is charged to the batches that held the lane, also while the event loop was held', () => {
    const on = new MachineRecord();
    on.holds.add(1050, 1150, 100, 0);
    const facts = factsOf(requestOf({ queue: 300, run: 10 }), { on, ownModel: [ranFrom(900, 1290)] });
    assert.deepEqual(firstOf(facts), ['lane_wait', 290]);
  });

  it('that a batch ended late because the event loop was held is not charged to the batch', () => {
    const on = new MachineRecord();
    on.holds.add(1010, 1300, 290, 0);
    const facts = factsOf(requestOf({ queue: 300, run: 10 }), {
      on,
      ownModel: [ranFrom(990, 1300, { sessionMs: 20 })],
    });
    assert.deepEqual(firstOf(facts), ['event_loop_held', 290]);
  });

  it('is charged to a collection rather than to the hold that it made', () => {
    const on = new MachineRecord();
    on.holds.add(1000, 1200, 200, 0);
    on.collections.add(1005, 1195, 4);
    assert.deepEqual(firstOf(factsOf(requestOf({ receive: 200, run: 5 }), { on })), ['garbage_collection', 190]);
  });

  it('in which the main thread was ready and had no CPU is charged to those who had it', () => {
    const on = new MachineRecord();
    on.holds.add(1000, 1400, 3, 350);
    on.samples.add(900, 1500, 0, 0, 1190, 10, 100, 0, 2);
    assert.deepEqual(firstOf(factsOf(requestOf({ receive: 400, run: 5 }), { on })), ['cpu_taken', 400]);
  });

  it('of a run without a CPU is charged to the quota of the cgroup where that was used up', () => {
    const on = new MachineRecord();
    on.samples.add(900, 1500, 450, 0, 150, 1050, 150, 0, 2);
    const batch = ranFrom(1000, 1400, { cpuMs: 60 });
    assert.deepEqual(firstOf(factsOf(requestOf({ run: 400 }, { batch }), { on })), ['cpu_throttled', 340]);
  });

  it('of a run that shared its batch is charged to the batch beyond what it takes alone', () => {
    const batch = ranFrom(1000, 1200, { rows: 32, inputs: 4 });
    const facts = factsOf(requestOf({ run: 200 }, { batch }), { alone: aloneOf({ run: 20 }) });
    assert.deepEqual(firstOf(facts), ['batch_larger', 180]);
  });

  it('of a run that was padded is charged to the batch beyond the part of its bytes, and says so', () => {
    // 100 of 400 bytes are padding; the request has 16 of them, and one row of two.
    const batch = ranFrom(1000, 1200, { rows: 2, inputs: 2, paddingBytes: 100, paddingShare: 0.25 });
    const facts = factsOf(requestOf({ run: 200 }, { batch }));
    assert.deepEqual(firstOf(facts), ['batch_larger', 192]);
    const { says } = sayPart('batch_larger', 192, { facts, blame: undefined, eyes });
    assert.match(says, /2 rows of 2 requests, 1 of them its own, padded .* longest: 25 % of it was padding$/);
    const unpadded = factsOf(requestOf({ run: 200 }, { batch: { ...batch, paddingBytes: 0, paddingShare: 0 } }));
    assert.doesNotMatch(sayPart('batch_larger', 100, { facts: unpadded, blame: undefined, eyes }).says, /padd/);
  });

  it('of the first run after a load is charged to the cold model', () => {
    const batch = ranFrom(1000, 1200, { id: 1 });
    const loaded = { model: 'm', version: '1', startedAt: 500, endedAt: 900, result: 'ok' };
    const facts = factsOf(requestOf({ run: 200 }, { batch }), { alone: aloneOf({ run: 20 }), loaded });
    assert.deepEqual(firstOf(facts), ['cold_model', 175]);
  });

  it('of a run whose GPU was held down is charged to its clocks', () => {
    const on = new MachineRecord();
    on.gpuDevices.push('GPU-1');
    on.gpuReasons.push('sw_power_cap');
    on.gpuThrottles.add(900, 1500, 0, 1);
    const gpu = { hwId: 'GPU-1', seconds: 0.2, energy: undefined };
    const batch = ranFrom(1000, 1200, { provider: 'cuda', gpu });
    const facts = factsOf(requestOf({ run: 200 }, { batch }), { on, alone: aloneOf({ run: 20 }) });
    assert.deepEqual(firstOf(facts), ['gpu_clocks', 175]);
  });

  it('of a lost run is charged to the lane, and so is the wait for a new one', () => {
    const lost = { runs: 1, last: { from: 1010, to: 1200 } };
    const batch = ranFrom(1500, 1510);
    const ownModel = [ranFrom(1010, 1200, { outcome: 'lane_lost' })];
    const facts = factsOf(requestOf({ queue: 500, run: 10 }, { batch, lost }), { ownModel });
    assert.deepEqual(firstOf(facts), ['lane_lost', 500]);
  });

  it('is not known where nothing was recorded for it', () => {
    assert.deepEqual(firstOf(factsOf(requestOf({ queue: 500, run: 10 }))), ['not_known', 500]);
  });

  it('of a slow client is charged to the client, and its own JSON to the reading', () => {
    assert.deepEqual(firstOf(factsOf(requestOf({ receive: 500, run: 10 }))), ['client_sending', 500]);
    assert.deepEqual(firstOf(factsOf(requestOf({ send: 500, run: 10 }))), ['client_reading', 500]);
    const on = new MachineRecord();
    on.holds.add(1000, 1300, 300, 0);
    assert.deepEqual(firstOf(factsOf(requestOf({ decode: 300, run: 10 }), { on })), ['decode', 300]);
  });
});

function firstOf(facts: WhyFacts): [string, number] {
  const [first] = rank(chargeTime(facts).all, facts);
  assert.ok(first);
  return [first.cause, Math.round(first.ms)];
}

function aloneOf(stages: Parameters<typeof stagesOf>[0]): NonNullable<WhyFacts['alone']> {
  const all = stagesOf(stages);
  const tookMs = Object.values(all).reduce((sum, ms) => sum + ms, 0);
  return { tookMs, sessionMs: all.run, cpuMs: all.run, stages: all, runs: 9 };
}
