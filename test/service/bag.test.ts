import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Bag } from '../../src/v8/bag.ts';

describe('a bag', () => {
  it('holds what a set would, whatever is put in, taken out and taken out again', () => {
    const things = Array.from({ length: 8 }, (_, name) => ({ name, place: 0 }));
    fc.assert(
      fc.property(fc.array(fc.record({ adds: fc.boolean(), at: fc.nat({ max: 7 }) }), { maxLength: 60 }), (steps) => {
        const bag = new Bag<(typeof things)[number]>();
        const set = new Set<(typeof things)[number]>();
        for (const { adds, at } of steps) {
          const thing = things[at]!;
          if (!adds) {
            bag.remove(thing);
            set.delete(thing);
          } else if (!set.has(thing)) {
            bag.add(thing);
            set.add(thing);
          }
          assert.equal(bag.size, set.size);
          assert.deepEqual(new Set(bag), set);
        }
      }),
    );
  });

  it('is gone through as it was: each may leave when it is its turn', () => {
    const bag = new Bag<{ place: number }>();
    for (let count = 0; count < 5; count += 1) bag.add({ place: 0 });
    let turns = 0;
    for (const thing of bag) {
      bag.remove(thing);
      turns += 1;
    }
    assert.deepEqual([turns, bag.size], [5, 0]);
  });
});
