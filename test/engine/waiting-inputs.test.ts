import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Batch, type Waiting, WaitingInputs } from '../../src/engine/batching/waiting-inputs.ts';

const entry = (given: Partial<Waiting> = {}): Waiting => ({
  inputs: [],
  outputs: undefined,
  rows: 1,
  bytes: 10,
  shapeKey: '',
  order: 0,
  enqueuedAt: 0,
  deadlineAt: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  owned: undefined,
  isRepeatable: false,
  tenant: undefined,
  by: undefined,
  follower: undefined,
  asker: { answered: () => undefined, failed: () => undefined },
  alone: false,
  isolated: false,
  retried: false,
  settled: false,
  ...given,
});
const take = (waiting: WaitingInputs, now = 1e9) => waiting.take(now) as Batch;

describe('waiting inputs', () => {
  it('leave in the order they came, up to the rows of a batch', () => {
    const waiting = new WaitingInputs({ rowsMax: 3, bytesMax: 1e9, delayMs: 0 });
    const entries = Array.from({ length: 4 }, (_, order) => entry({ order }));
    for (const each of entries) waiting.add(each);
    const first = take(waiting);
    assert.deepEqual(first.entries, entries.slice(0, 3));
    assert.equal(first.closedBy, 'rows');
    assert.deepEqual(take(waiting), { entries: entries.slice(3), rows: 1, closedBy: 'idle', runsApart: false });
    assert.equal(waiting.take(1e9), undefined);
  });

  it('do not fill a batch beyond its rows or its bytes', () => {
    const byRows = new WaitingInputs({ rowsMax: 4, bytesMax: 1e9, delayMs: 0 });
    for (const rows of [3, 2]) byRows.add(entry({ rows }));
    assert.equal(take(byRows).rows, 3);
    const byBytes = new WaitingInputs({ rowsMax: 100, bytesMax: 25, delayMs: 0 });
    for (let count = 0; count < 3; count += 1) byBytes.add(entry());
    const batch = take(byBytes);
    assert.deepEqual([batch.entries.length, batch.closedBy], [2, 'bytes']);
  });

  it('go in one message where they cannot share a run: as many as may, and one that is isolated by itself', () => {
    const waiting = new WaitingInputs({ rowsMax: 0, bytesMax: 1e9, delayMs: 0 });
    const entries = Array.from({ length: 6 }, (_, order) => entry({ order, isolated: order === 4 }));
    for (const each of entries) waiting.add(each);
    const taken = Array.from({ length: 4 }, () => waiting.take(1e9, 3) as Batch);
    assert.deepEqual(
      taken.map(({ entries, runsApart, closedBy }) => [entries.length, runsApart, closedBy]),
      [3, 1, 1, 1].map((count) => [count, true, 'alone']),
    );
  });

  it('run alone when a single one is above the bytes of a batch', () => {
    const waiting = new WaitingInputs({ rowsMax: 100, bytesMax: 25, delayMs: 0 });
    for (const bytes of [1000, 10]) waiting.add(entry({ bytes }));
    assert.deepEqual(
      take(waiting).entries.map(({ bytes }) => bytes),
      [1000],
    );
  });

  it('share a batch only with those of the same shape, and the shape that waits longest goes first', () => {
    const waiting = new WaitingInputs({ rowsMax: 10, bytesMax: 1e9, delayMs: 0 });
    for (const [order, shapeKey] of ['8;', '9;', '8;', '9;'].entries()) waiting.add(entry({ order, shapeKey }));
    assert.deepEqual(
      [take(waiting), take(waiting)].map(({ entries }) => entries.map(({ shapeKey }) => shapeKey)),
      [
        ['8;', '8;'],
        ['9;', '9;'],
      ],
    );
  });

  it('go by priority, but a long wait outweighs it', () => {
    const waiting = new WaitingInputs({ rowsMax: 0, bytesMax: 1e9, delayMs: 0 });
    const arrivals = [
      { name: 'late and urgent', at: 900, level: 1 },
      { name: 'early and idle', at: 0, level: 5 },
      { name: 'late and idle', at: 900, level: 5 },
    ];
    const names = new Map<Waiting, string>();
    for (const { name, at, level } of arrivals) {
      const one = entry({ order: at + level * 200 });
      names.set(one, name);
      waiting.add(one);
    }
    const order = arrivals.map(() => names.get(take(waiting).entries[0]!));
    assert.deepEqual(order, ['early and idle', 'late and urgent', 'late and idle']);
  });

  it('are given time to gather when that is asked for, unless the batch is full before', () => {
    const waiting = new WaitingInputs({ rowsMax: 2, bytesMax: 1e9, delayMs: 50 });
    waiting.add(entry({ enqueuedAt: 1000 }));
    assert.equal(waiting.take(1010), 1050);
    assert.equal(take(waiting, 1050).closedBy, 'delay');
    for (let count = 0; count < 2; count += 1) waiting.add(entry({ enqueuedAt: 2000 }));
    assert.equal(take(waiting, 2001).closedBy, 'rows');
  });

  it('are each taken once or removed once, and counted to the byte, whatever comes', () => {
    const step = fc.oneof(
      fc.record({
        add: fc.record({
          rows: fc.integer({ min: 1, max: 5 }),
          bytes: fc.nat(50),
          order: fc.nat(100),
          shape: fc.constantFrom('', 'a', 'b'),
          alone: fc.boolean(),
        }),
      }),
      fc.constant('take' as const),
      fc.record({ removeAbove: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const waiting = new WaitingInputs({ rowsMax: 6, bytesMax: 100, delayMs: 0 });
        const inside = new Set<Waiting>();
        for (const one of steps) {
          if (one === 'take') {
            const batch = waiting.take(1e9) as Batch | undefined;
            assert.equal(batch === undefined, inside.size === 0);
            for (const each of batch?.entries ?? []) assert.ok(inside.delete(each));
            if (batch && batch.entries.length > 1) {
              assert.ok(batch.rows <= 6 && batch.entries.every(({ alone }) => !alone));
              assert.equal(new Set(batch.entries.map(({ shapeKey }) => shapeKey)).size, 1);
            }
          } else if ('add' in one) {
            const { shape, ...given } = one.add;
            const added = entry({ ...given, shapeKey: shape });
            inside.add(added);
            waiting.add(added);
          } else {
            waiting.remove((each) => each.order > one.removeAbove && inside.delete(each));
          }
          assert.equal(waiting.count, inside.size);
          assert.equal(
            waiting.bytes,
            [...inside].reduce((sum, { bytes }) => sum + bytes, 0),
          );
        }
      }),
    );
  });
});
