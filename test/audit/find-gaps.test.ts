import assert from 'node:assert/strict';
import { findGaps } from '../../cli/audit/find-gaps.ts';
import { counted, exportsAround } from '../../cli/audit/senders.ts';
import { termMetric } from '../../launcher/book-names.ts';
import { madeUpSender } from './made-up.ts';

const minute = 60_000;

/**
 * A sender that makes one item a second and exports every ten, and a store that has all but some;
 * `asked` counts the questions.
 */
function compared(hours: number, lost: (atMs: number) => boolean) {
  const exports = Array.from({ length: hours * 360 + 1 }, (_, index) => ({ atMs: index * 10_000, made: index * 10 }));
  const sender = madeUpSender('a', 'logs', exports);
  const storedMs = Array.from({ length: hours * 3600 }, (_, index) => (index + 1) * 1000).filter((atMs) => !lost(atMs));
  let asked = 0;
  const within = (fromMs: number, toMs: number) => storedMs.filter((atMs) => atMs > fromMs && atMs <= toMs).length;
  return {
    asked: () => asked,
    of: {
      edgesMs: exportsAround(sender, 0, hours * 3_600_000),
      made: (from: number, to: number) => counted(sender, { signal: 'logs', __name__: termMetric('made') }, from, to),
      stored: async (from: number, to: number) => {
        asked += 1;
        return { min: within(from, to), max: within(from, to) };
      },
      leafMs: minute,
    },
  };
}

describe('gaps between what was made and what is stored', () => {
  it('are none where all is stored, and a day of it costs a question an hour', async () => {
    const day = compared(24, () => false);
    assert.deepEqual(await findGaps(day.of), []);
    assert.equal(day.asked(), 24);
  });

  it('are found to the minute: one item of a day', async () => {
    const day = compared(24, (atMs) => atMs === 5 * 3_600_000 + 123_000);
    const gaps = await findGaps(day.of);
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0]!.count, 1);
    assert.ok(gaps[0]!.fromMs < 5 * 3_600_000 + 123_000 && gaps[0]!.toMs >= 5 * 3_600_000 + 123_000);
    assert.ok(gaps[0]!.toMs - gaps[0]!.fromMs <= minute);
    assert.ok(day.asked() < 50, `${day.asked()} questions`);
  });

  it('add up to all that is missing, over five minutes', async () => {
    const some = compared(1, (atMs) => atMs > 10 * minute && atMs <= 15 * minute);
    const gaps = await findGaps(some.of);
    assert.equal(
      gaps.reduce((sum, { count }) => sum + count, 0),
      300,
    );
    assert.ok(Math.min(...gaps.map(({ fromMs }) => fromMs)) >= 9 * minute);
    assert.ok(Math.max(...gaps.map(({ toMs }) => toMs)) <= 16 * minute);
  });

  it('are certain: what may lie on either side of an edge counts as stored', async () => {
    const { of } = compared(1, (atMs) => atMs === minute);
    const unsure = {
      ...of,
      stored: async (from: number, to: number) => ({ min: 0, max: (await of.stored(from, to)).max + 1 }),
    };
    assert.deepEqual(await findGaps(unsure), []);
  });

  it('are not hidden by copies in another hour', async () => {
    const { of } = compared(2, (atMs) => atMs <= 10_000);
    const copied = {
      ...of,
      stored: async (from: number, to: number) => {
        const { max } = await of.stored(from, to);
        return { min: max, max: to > 3_600_000 + minute ? max + 50 : max };
      },
    };
    assert.equal((await findGaps(copied))[0]?.count, 10);
  });
});
