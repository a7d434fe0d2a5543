import assert from 'node:assert/strict';
import fc from 'fast-check';
import { boundAnswer } from '../../src/api/mcp/bound-answer.ts';

describe('the answer of a tool', () => {
  it('is whole where it is short enough', () => {
    assert.deepEqual(JSON.parse(boundAnswer({ a: [1, 2, 3] }, 1_000)), { a: [1, 2, 3] });
  });

  it('loses the last entries of its longest list, and says how many', () => {
    const list = Array.from({ length: 100 }, (_, at) => ({ at }));
    const { answer, left_out: left } = JSON.parse(boundAnswer({ few: [1, 2], many: list }, 1_000)) as {
      answer: { few: number[]; many: { at: number }[] };
      left_out: Record<string, number>;
    };
    assert.deepEqual(answer.few, [1, 2]);
    assert.deepEqual(answer.many[0], { at: 0 });
    assert.equal(answer.many.length + left.many!, 100);
  });

  it('is never longer than it may be', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer({ min: 100, max: 2_000 }), (value, charsMax) => {
        assert.ok(boundAnswer(value, charsMax).length <= charsMax);
      }),
    );
  });
});
