import assert from 'node:assert/strict';
import fc from 'fast-check';
import { shareWait } from '../../src/observe/blame/share-wait.ts';
import { joined, lengthOf, within, without } from '../../src/spans-of-time.ts';

const time = fc.double({ min: 0, max: 1000, noNaN: true });
const spans = fc.array(
  fc.tuple(time, time).map(([from, long]) => ({ from, to: from + long + 0.001 })),
  { maxLength: 12 },
);

describe('a wait that is shared out', () => {
  it('adds up: what batches held and what nothing held are the time waited', () => {
    fc.assert(
      fc.property(spans, spans, (waits, batches) => {
        const once = joined(waits);
        const { held, unheldMs } = shareWait(
          once,
          batches.map(({ from, to }) => ({ startedAt: from, endedAt: to })),
        );
        const heldMs = [...held.values()].reduce((sum, ms) => sum + ms, 0);
        assert.ok(Math.abs(heldMs + unheldMs - lengthOf(once)) < 1e-6, `${heldMs} + ${unheldMs} of ${lengthOf(once)}`);
        assert.ok(Math.abs(unheldMs - lengthOf(without(once, joined(batches)))) < 1e-6);
      }),
    );
  });

  it('charges two lanes in halves where both ran, and one wholly where it ran alone', () => {
    const [one, other] = [
      { startedAt: 0, endedAt: 20 },
      { startedAt: 10, endedAt: 100 },
    ];
    const { held, unheldMs } = shareWait([{ from: 0, to: 110 }], [one, other]);
    assert.deepEqual([held.get(one), held.get(other), unheldMs], [15, 85, 10]);
  });
});

describe('spans of time', () => {
  it('are parted by others without a rest', () => {
    fc.assert(
      fc.property(spans, spans, (some, cover) => {
        const [one, other] = [joined(some), joined(cover)];
        const parts = lengthOf(within(one, other)) + lengthOf(without(one, other));
        assert.ok(Math.abs(parts - lengthOf(one)) < 1e-6);
      }),
    );
  });
});
