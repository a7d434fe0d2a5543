import assert from 'node:assert/strict';
import { sayDifference } from '../../src/observe/compare/say-difference.ts';
import { tellApart } from '../../src/observe/compare/tell-apart.ts';
import { requestOf } from './facts.ts';

const rows = (count: number) => ({ rows: count, bytes: 16 * count, bodyBytes: 100, answerBytes: 100, form: 1 });

describe('what parts two sets of requests', () => {
  it('is first what all of one set have and none of the other', () => {
    const failed = Array.from({ length: 24 }, () => requestOf({ run: 1 }, { size: rows(0), tenant: 'a' }));
    const good = Array.from({ length: 92 }, (_, at) =>
      requestOf({ run: 1 }, { size: rows(1 + (at % 4)), tenant: at % 2 === 0 ? 'a' : 'b' }),
    );
    const [first, ...others] = tellApart(failed, good);
    assert.ok(first);
    assert.deepEqual([first.field, first.is, first.value, first.parts], ['rows', 'below', 1, 1]);
    assert.equal(sayDifference(first), 'rows below 1: 24 of 24 (100 %) against 0 of 92 (0 %)');
    assert.ok(others.some(({ field, value }) => field === 'tenant' && value === 'a'));
  });

  it('is nothing where they differ by chance', () => {
    const draw = (at: number) =>
      requestOf({ run: 1 + (at % 7) }, { tenant: at % 3 === 0 ? 'a' : 'b', size: rows(1 + (at % 5)) });
    const all = Array.from({ length: 400 }, (_, at) => draw(at));
    assert.deepEqual(
      tellApart(
        all.filter((_, at) => at % 2 === 0),
        all.filter((_, at) => at % 2 === 1),
      ),
      [],
    );
  });

  it('is nothing where one of them is empty', () => {
    assert.deepEqual(tellApart([], [requestOf({ run: 1 })]), []);
  });
});
