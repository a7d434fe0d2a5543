import assert from 'node:assert/strict';
import fc from 'fast-check';
import { countedBetween, endsIn, livesOf, type Points } from '../../cli/audit/counted.ts';

/** Every ten seconds. */
const points = (...values: number[]): Points => values.map((value, index) => [index * 10_000, value] as const);

describe('what a counter counted between two moments', () => {
  it('is exact between two of its points', () => {
    assert.deepEqual(countedBetween(points(0, 5, 9, 9, 12), 10_000, 40_000), { min: 7, max: 7 });
  });

  it('is between bounds where it was not read', () => {
    assert.deepEqual(countedBetween(points(0, 5, 9, 9, 12), 12_000, 38_000), { min: 0, max: 7 });
    assert.deepEqual(countedBetween(points(0, 5, 9, 9, 12), 12_000, 40_000), { min: 3, max: 7 });
  });

  it('goes on over a restart, with the whole of what was counted since', () => {
    const { min, max } = countedBetween(points(100, 150, 180, 4, 30), 0, 40_000);
    assert.equal(min, 80 + 30);
    assert.equal(max, Number.POSITIVE_INFINITY, 'a killed process may have counted more than it exported');
  });

  it('is exact over a restart in order: the last export has everything', () => {
    const orderly = (atMs: number) => atMs === 20_000;
    assert.deepEqual(countedBetween(points(100, 150, 180, 4, 30), 0, 40_000, { ended: orderly }), {
      min: 110,
      max: 110,
    });
  });

  it('is open where a process has not exported since', () => {
    assert.deepEqual(countedBetween(points(0, 5), 0, 60_000), { min: 5, max: Number.POSITIVE_INFINITY });
    assert.deepEqual(countedBetween(points(0, 5), 0, 60_000, { ended: (atMs) => atMs === 10_000 }), { min: 5, max: 5 });
  });

  it('begins at nothing for a process that was not there before', () => {
    const late: Points = [
      [500_000, 3],
      [510_000, 8],
    ];
    assert.deepEqual(countedBetween(late, 0, 510_000), { min: 8, max: 8 });
    assert.deepEqual(countedBetween(late, 495_000, 510_000), { min: 5, max: 8 });
  });

  it('begins at nothing for a count that was not among the exports before: a new tenant', () => {
    const late: Points = [
      [500_000, 3],
      [510_000, 8],
    ];
    const exports: Points = [480_000, 490_000, 500_000, 510_000].map((atMs) => [atMs, 1] as const);
    assert.deepEqual(countedBetween(late, 490_000, 510_000, { exports }), { min: 8, max: 8 });
  });

  it('tells the lives of a process apart', () => {
    assert.deepEqual(
      livesOf(points(1, 2, 0, 0, 5, 3)).map((life) => life.map(([, value]) => value)),
      [[1, 2], [0, 0, 5], [3]],
    );
    assert.deepEqual(endsIn(points(1, 2, 0, 0, 5, 3)), [
      { heardMs: 10_000, backMs: 20_000 },
      { heardMs: 40_000, backMs: 50_000 },
    ]);
  });

  it('has bounds that hold whatever was counted between the points, over kills and orderly ends', () => {
    const tick = fc.oneof(
      { weight: 12, arbitrary: fc.nat(9) },
      { weight: 1, arbitrary: fc.constantFrom('kill' as const, 'stop' as const) },
    );
    fc.assert(
      fc.property(fc.array(tick, { maxLength: 200 }), fc.nat(220), fc.nat(220), (ticks, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const read: [number, number][] = [];
        const ends = new Set<number>();
        let [now, truth] = [0, 0];
        for (const [index, each] of ticks.entries()) {
          const atMs = index + 1;
          if (typeof each === 'number') {
            now += each;
            if (atMs > from && atMs <= to) truth += each;
          }
          // An export every five ticks, and one at an orderly end.
          if (atMs % 5 === 0 || each === 'stop') read.push([atMs, now]);
          if (each === 'stop') ends.add(atMs);
          if (typeof each !== 'number') now = 0;
        }
        // Only a fall shows a restart: one that is not seen shortens what is known, and adds nothing.
        const { min } = countedBetween(read, from, to, { ended: (atMs) => ends.has(atMs) });
        assert.ok(min <= truth, `at least ${min} of ${truth}`);
      }),
    );
  });
});
