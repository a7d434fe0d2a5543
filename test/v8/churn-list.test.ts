import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ChurnList } from '../../src/v8/churn-list.ts';

describe('a churn list', () => {
  it('holds what a set would, whatever is put in, taken out and taken out again', () => {
    const items = Array.from({ length: 8 }, (_, name) => ({ name, index: 0 }));
    fc.assert(
      fc.property(fc.array(fc.record({ adds: fc.boolean(), at: fc.nat({ max: 7 }) }), { maxLength: 60 }), (steps) => {
        const list = new ChurnList<(typeof items)[number]>();
        const set = new Set<(typeof items)[number]>();
        for (const { adds, at } of steps) {
          const item = items[at]!;
          if (!adds) {
            list.remove(item);
            set.delete(item);
          } else if (!set.has(item)) {
            list.add(item);
            set.add(item);
          }
          assert.equal(list.size, set.size);
          assert.deepEqual(new Set(list), set);
        }
      }),
    );
  });

  it('is gone through as it was: each may leave when it is its turn', () => {
    const list = new ChurnList<{ index: number }>();
    for (let count = 0; count < 5; count += 1) list.add({ index: 0 });
    let turns = 0;
    for (const item of list) {
      list.remove(item);
      turns += 1;
    }
    assert.deepEqual([turns, list.size], [5, 0]);
  });
});
