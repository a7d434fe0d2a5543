import assert from 'node:assert/strict';
import { isSameBatch } from '../../src/observe/batch-attributes.ts';
import { FairRows } from '../../src/observe/flight/fair-rows.ts';
import { copyOf, type FlightRecord } from '../../src/observe/flight/flight-record.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { RecentBatches } from '../../src/observe/flight/recent-batches.ts';
import { RecentFlights } from '../../src/observe/flight/recent-flights.ts';
import { stageNames, TimeAccount } from '../../src/observe/time-account.ts';
import { newIds } from '../../src/telemetry/ids.ts';
import { batchOf, recordOf } from './flight-records.ts';

describe('the last requests', () => {
  it('are given back as they were, the newest first, with batches whose members end in whatever turns', () => {
    const recent = new RecentFlights(7);
    const all: FlightRecord[] = [];
    const batches = Array.from({ length: 5 }, (_, id) => batchOf(id));
    for (let at = 0; at < 40; at += 1) {
      const record = recordOf(at, at % 6 === 0 ? undefined : batches[(at * 3) % 5]);
      all.push(record);
      recent.add(record);
      assert.deepEqual([...recent].map(plain), all.slice(-7).reverse().map(plain));
    }
  });

  it('are found with their batch mates and what competed with them, though nobody keeps the objects', () => {
    const recorder = new FlightRecorder({ recordsMax: 10, batchesMax: 3, minutesMax: 1 });
    const [mine, after, other] = [batchOf(1), { ...batchOf(1), startedAt: 501 }, batchOf(2, 'another')];
    for (const batch of [mine, other, after]) recorder.batchEnded(batch);
    const records = [mine, mine, after].map((batch, at) => recordOf(at, batch));
    for (const record of records) recorder.add(record);
    const [found] = recorder.find(records[0]!.ids.traceId);
    assert.ok(found);
    assert.deepEqual(
      recorder.matesOf(found).map(({ ids }) => ids.spanId),
      [records[1]!.ids.spanId],
    );
    const { batches, isWhole } = recorder.competitionOf({ ...found, startedAt: 0, tookMs: 1e6 });
    assert.deepEqual(batches, [after, other]);
    assert.ok(isWhole);
    recorder.batchEnded(batchOf(3));
    assert.equal(recorder.competitionOf({ ...found, startedAt: 0, tookMs: 1e6 }).isWhole, false);
  });
});

describe('what is looked for in the last requests', () => {
  const recent = new RecentFlights(7);
  const batches = Array.from({ length: 3 }, (_, id) => batchOf(id));
  const all = Array.from({ length: 40 }, (_, at) => recordOf(at, at % 6 === 0 ? undefined : batches[at % 3]));

  it('is found by trace id, span id and request id, as long as it is remembered', () => {
    for (const [at, record] of all.entries()) {
      recent.add(record);
      for (const [other, { ids, requestId }] of all.slice(0, at + 1).entries())
        for (const id of [ids.traceId, ids.spanId, requestId])
          assert.deepEqual(recent.named(id).map(plain), other > at - 7 ? [plain(all[other]!)] : [], id);
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
      assert.deepEqual(recent.membersOf(structuredClone(batch)).map(plain), members.reverse().map(plain));
    }
    assert.deepEqual(recent.membersOf({ ...batches[1]!, startedAt: 0 }), []);
    assert.deepEqual(recent.membersOf({ ...batches[1]!, version: '9' }), []);
  });
});

describe('the slowest and the failed requests', () => {
  it('are remembered with their own times, though their account is another request’s by then', () => {
    const recorder = new FlightRecorder({ recordsMax: 4, batchesMax: 3, minutesMax: 1 });
    const record = { ...recordOf(7, undefined), account: TimeAccount.take() };
    record.account.mark('receive');
    record.account.mark('encode');
    const { receive, startedAt } = record.account;
    recorder.add(record);
    record.account.giveBack();
    const next = TimeAccount.take();
    assert.equal(next, record.account);
    assert.equal(next.booked(), 0);
    next.mark('send');
    for (const order of ['slowest', 'failed', 'recent'] as const) {
      const [{ account } = assert.fail()] = recorder.list(order, all, 1);
      assert.deepEqual([account.receive, account.send], [receive, 0]);
      if (order !== 'recent') assert.equal(account.startedAt, startedAt);
    }
  });
});

describe('a copy of a request that is more than a record', () => {
  it('is the record and nothing else: what the request held is not remembered with it', () => {
    class Told {
      readonly body = Buffer.alloc(1);
      readonly #record = recordOf(7, batchOf(1));
      readonly account = this.#record.account;
      get tookMs(): number {
        return this.#record.tookMs;
      }
    }
    const { tookMs: _, account: __, ...rest } = recordOf(7, batchOf(1));
    const copy = copyOf(Object.assign(new Told(), rest));
    assert.deepEqual(Object.keys(copy).sort(), Object.keys(recordOf(7, undefined)).sort());
    assert.deepEqual(plain(copy), plain({ ...recordOf(7, batchOf(1)), ids: copy.ids, requestId: copy.requestId }));
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

/** Of the account, what is remembered: the stages and the queue. */
function plain(record: FlightRecord) {
  const { ids, account, ...rest } = record;
  const { arrival } = account;
  const stages = stageNames.map((stage) => account[stage]);
  return { ...rest, traceId: ids.traceId, spanId: ids.spanId, stages, arrival };
}

describe('a flood of one tenant', () => {
  it('pushes out its own requests and not those of others', () => {
    const recorder = new FlightRecorder({ recordsMax: 100, batchesMax: 100, minutesMax: 1 });
    const record = (at: number, tenant: string) => recorder.add({ ...recordOf(at, batchOf(at)), tenant, status: 400 });
    for (let at = 0; at < 30; at += 1) record(at, 'bob');
    for (let at = 30; at < 2_000; at += 1) record(at, 'ann');
    for (let at = 2_000; at < 2_010; at += 1) record(at, 'cid');
    const count = (order: 'recent' | 'failed', tenant: string) =>
      recorder.list(order, { ...all, tenant }, 1_000).length;
    assert.deepEqual([count('recent', 'bob'), count('recent', 'cid'), count('recent', 'ann')], [25, 10, 65]);
    // A quarter as many are remembered, of which each has a quarter.
    assert.equal(count('failed', 'bob'), 6);
    assert.equal(count('failed', 'cid'), 10);
    // Their batches are of the last that ran.
    const oldest = recorder.list('recent', { ...all, tenant: 'bob' }, 1_000).at(-1)!;
    assert.equal(oldest.batch, undefined);
    assert.equal(recorder.list('recent', { ...all, tenant: 'cid' }, 1)[0]!.batch?.id, 2_009);
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

const all = { tenant: undefined, model: undefined, fault: undefined, endedSinceMs: 0 };
