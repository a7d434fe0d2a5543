import assert from 'node:assert/strict';
import { isSameBatch } from '../../src/observe/batch-attributes.ts';
import { FairRows } from '../../src/observe/flight/fair-rows.ts';
import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { RecentBatches } from '../../src/observe/flight/recent-batches.ts';
import { RecentFlights } from '../../src/observe/flight/recent-flights.ts';
import { RequestRow } from '../../src/observe/flight/request-row.ts';
import { RequestTable } from '../../src/observe/flight/request-table.ts';
import { newIds } from '../../src/telemetry/ids.ts';
import { batchOf, recordOf, remember } from './flight-records.ts';

describe('the last requests', () => {
  it('are given back as they were, the newest first, with batches whose members end in whatever turns', () => {
    const recent = new RecentFlights(7);
    const all: FlightRecord[] = [];
    const batches = Array.from({ length: 5 }, (_, id) => batchOf(id));
    for (let at = 0; at < 40; at += 1) {
      all.push(remember(recent, recordOf(at, at % 6 === 0 ? undefined : batches[(at * 3) % 5])));
      assert.deepEqual(recent.newest(anything, 100), all.slice(-7).reverse());
    }
  });

  it('are found with their batch mates and what competed with them, though nobody keeps the objects', () => {
    const recorder = new FlightRecorder({ recordsMax: 10, batchesMax: 3, minutesMax: 1 });
    const [mine, after, other] = [batchOf(1), { ...batchOf(1), startedAt: 501 }, batchOf(2, 'another')];
    for (const batch of [mine, other, after]) recorder.batchEnded(batch);
    const records = [mine, mine, after].map((batch, at) => remember(recorder, recordOf(at, batch)));
    const [found] = recorder.find(records[0]!.ids.traceId);
    assert.ok(found);
    assert.deepEqual(
      recorder.matesOf(found).map(({ ids }) => ids.spanId),
      [records[1]!.ids.spanId],
    );
    const { batches, isWhole } = recorder.competitionOf({ ...found, startedAt: 0, tookMs: 1e6 });
    assert.deepEqual(batches, [
      { ...after, shares: [] },
      { ...other, shares: [] },
    ]);
    assert.ok(isWhole);
    recorder.batchEnded(batchOf(3));
    assert.equal(recorder.competitionOf({ ...found, startedAt: 0, tookMs: 1e6 }).isWhole, false);
  });
});

describe('what is looked for in the last requests', () => {
  const recent = new RecentFlights(7);
  const batches = Array.from({ length: 3 }, (_, id) => batchOf(id));
  const all: FlightRecord[] = [];

  it('is found by trace id, span id and request id, as long as it is remembered', () => {
    for (let at = 0; at < 40; at += 1) {
      all.push(remember(recent, recordOf(at, at % 6 === 0 ? undefined : batches[at % 3])));
      for (const [other, { ids, requestId }] of all.entries())
        for (const id of [ids.traceId, ids.spanId, requestId])
          assert.deepEqual(recent.named(id), other > at - 7 ? [all[other]] : [], id);
    }
  });

  it('is not what was never there, nor what is no id', () => {
    const { traceId, spanId } = all.at(-1)!.ids;
    const no = [
      '0'.repeat(32),
      '0'.repeat(16),
      newIds().traceId,
      newIds().spanId,
      traceId.slice(0, 16),
      traceId.slice(1),
      `${spanId}zz`,
    ];
    for (const id of [...no, traceId.toUpperCase(), '', 'ü'.repeat(32)]) assert.deepEqual(recent.named(id), [], id);
    assert.deepEqual(new RecentFlights(7).named('0'.repeat(32)), []);
  });

  it('is the members of a batch, the newest first', () => {
    for (const batch of batches) {
      const members = all.slice(-7).filter((record) => record.batch === batch);
      assert.deepEqual(recent.membersOf(structuredClone(batch)), members.reverse());
    }
    assert.deepEqual(recent.membersOf({ ...batches[1]!, startedAt: 0 }), []);
    assert.deepEqual(recent.membersOf({ ...batches[1]!, version: '9' }), []);
  });
});

describe('the row of a request', () => {
  it('is its own from its first byte: what others write, end and begin meanwhile does not change it', () => {
    const recent = new RecentFlights(3);
    const slow = new RequestRow(recent.table);
    slow.mark('receive');
    slow.arrived(slow.markedAt, 5, 40, 2, 0.25, 1, 8);
    const before = { stages: slow.stages, startedAt: slow.startedAt };
    // More than are stored begin, and some stay in flight.
    const inFlight = Array.from({ length: 1_000 }, () => new RequestRow(recent.table));
    for (let at = 0; at < 50; at += 1) remember(recent, recordOf(at, batchOf(at)));
    for (const other of inFlight.slice(500)) other.release();
    assert.deepEqual({ stages: slow.stages, startedAt: slow.startedAt }, before);
    assert.deepEqual(recent.named(slow.ids.traceId), [], 'it has not ended');
    const words = { ...recordOf(1, undefined), requestId: slow.ids.traceId };
    slow.close(undefined);
    const { tookMs } = slow;
    recent.add(slow, words);
    const [found, ...others] = recent.named(slow.ids.traceId);
    assert.deepEqual(others, []);
    assert.equal(found?.tookMs, tookMs);
    assert.equal(found?.stages.receive, before.stages.receive);
    assert.deepEqual(found?.arrival, { waiting: 5, waitingBytes: 40, running: 2, predictedWaitMs: 0.25 });
    const spans = new Set<string>(inFlight.slice(0, 500).map(({ ids }) => ids.spanId));
    for (const { ids } of recent.newest(anything, 100)) assert.ok(!spans.has(ids.spanId));
  });

  it('is gone for who kept it when the request has ended: to read it throws, and what is written is dropped', () => {
    for (const end of ['stored', 'released'] as const) {
      const recent = new RecentFlights(16);
      const late = new RequestRow(recent.table);
      if (end === 'stored') recent.add(late, recordOf(1, undefined));
      else late.release();
      const next = new RequestRow(recent.table);
      const stored = recent.newest(anything, 1);
      assert.ok(late.isOver);
      late.mark('receive');
      late.status = 500;
      late.arrived(1, 2, 3, 4, 5, 6, 7);
      late.expiredInRun(6);
      late.markEngineFailed();
      late.markFailure({ running: true });
      late.release();
      for (const read of [() => late.tookMs, () => late.stages, () => late.serverTiming(), () => late.restMs])
        assert.throws(read, /it has ended/);
      assert.deepEqual([next.status, next.restMs, next.stages.receive, next.stages.run], [0, 0, 0, 0]);
      assert.deepEqual(recent.newest(anything, 1), stored);
      assert.notEqual(new RequestRow(recent.table).ids.spanId, next.ids.spanId);
      assert.ok(!next.isOver, 'a row is given back once');
    }
  });

  it('is used again, and the table is no longer than what is stored and what was in flight at once', () => {
    const recent = new RecentFlights(20);
    for (let at = 0; at < 1_000; at += 1) {
      const three = [1, 2, 3].map(() => new RequestRow(recent.table));
      remember(recent, recordOf(at, undefined));
      for (const row of three) row.release();
    }
    assert.equal(recent.table.size, 24);
  });

  it('is found where the table grew', () => {
    const table = new RequestTable(1);
    const rows = Array.from({ length: 100 }, (_, at) => {
      const row = new RequestRow(table);
      row.status = at;
      return row;
    });
    assert.deepEqual(
      rows.map(({ status }) => status),
      rows.map((_, at) => at),
    );
  });
});

describe('the slowest and the failed requests', () => {
  it('are remembered with their own numbers when their rows are others’', () => {
    const recorder = new FlightRecorder({ recordsMax: 16, batchesMax: 16, minutesMax: 1 });
    const first = remember(recorder, { ...recordOf(7, batchOf(1)), tookMs: 1_000 });
    for (let at = 0; at < 40; at += 1)
      remember(recorder, { ...recordOf(1, undefined), tenant: first.tenant, startedAt: 2_000 });
    assert.ok(!recorder.list('recent', anything, 100).some(({ ids }) => ids.spanId === first.ids.spanId));
    assert.deepEqual(recorder.list('failed', anything, 100), [first]);
    assert.deepEqual(recorder.find(first.ids.traceId), [first]);
  });
});

describe('the last batches', () => {
  it('are given back as they were, by their number and the newest first, and it is said until when they are forgotten', () => {
    const recent = new RecentBatches(3);
    const gpu = { hwId: 'gpu-1', seconds: 0.5, energy: undefined };
    const all = [
      batchOf(1),
      { ...batchOf(2), gpu },
      { ...batchOf(3, 'another'), outcome: 'failed' as const },
      batchOf(4),
      batchOf(5),
    ];
    assert.equal(recent.forgottenUntil, 0);
    const numbers = all.map((batch) => recent.add(batch));
    assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
    assert.deepEqual([...recent], all.slice(2).reverse());
    assert.deepEqual(
      numbers.map((number) => recent.at(number)),
      [undefined, undefined, ...all.slice(2)],
    );
    assert.equal(recent.at(-1), undefined);
    assert.equal(recent.forgottenUntil, all[1]!.endedAt);
    assert.ok(isSameBatch(recent.at(2), all[2]!));
    assert.ok(!isSameBatch(undefined, all[2]!));
    for (const [at, batch] of all.entries()) assert.equal(recent.isAt(4, batch), at === 4);
  });
});

describe('a flood of one tenant', () => {
  it('pushes out its own requests and not those of others', () => {
    const recorder = new FlightRecorder({ recordsMax: 100, batchesMax: 100, minutesMax: 1 });
    const record = (at: number, tenant: string) =>
      remember(recorder, { ...recordOf(at, batchOf(at)), tenant, status: 400 });
    for (let at = 0; at < 30; at += 1) record(at, 'bob');
    for (let at = 30; at < 2_000; at += 1) record(at, 'ann');
    for (let at = 2_000; at < 2_010; at += 1) record(at, 'cid');
    const count = (order: 'recent' | 'failed', tenant: string) =>
      recorder.list(order, { ...anything, tenant }, 1_000).length;
    assert.deepEqual([count('recent', 'bob'), count('recent', 'cid'), count('recent', 'ann')], [25, 10, 65]);
    // A quarter as many are remembered, of which each has a quarter.
    assert.equal(count('failed', 'bob'), 6);
    assert.equal(count('failed', 'cid'), 10);
    // Their batches are of the last that ran.
    const oldest = recorder.list('recent', { ...anything, tenant: 'bob' }, 1_000).at(-1)!;
    assert.equal(oldest.batch, undefined);
    assert.equal(recorder.list('recent', { ...anything, tenant: 'cid' }, 1)[0]!.batch?.id, 2_009);
  });

  it('leaves the rows in the order in which they came, however owners take turns', () => {
    const rows = new FairRows(8);
    const held = new Map<number, number>();
    for (let at = 0; at < 5_000; at += 1) {
      const owner = `owner ${(at * at * 7 + (at >> 3)) % (1 + (at % 5))}`;
      held.set(rows.take(owner), at);
      const order = [...rows].map((row) => held.get(row)!);
      assert.deepEqual(
        order,
        [...order].sort((one, other) => other - one),
      );
      assert.equal(order.length, Math.min(8, at + 1));
      assert.equal(order[0], at);
    }
  });
});

const anything = { tenant: undefined, model: undefined, fault: undefined, endedSinceMs: 0 };
