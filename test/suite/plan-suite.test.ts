import assert from 'node:assert/strict';
import { planSuite } from '../../testkit/suite/plan-suite.ts';

const durations = {
  'a.test.ts': 10,
  'b.test.ts': 5,
  'c.test.ts': 4,
  'long.stack.test.ts': 200,
  'longer.stack.test.ts': 300,
  'short.slow.test.ts': 10,
  'shorter.slow.test.ts': 5,
  'timed.slow.test.ts': 400,
  'memory.slow.test.ts': 3,
  'clock.stack.test.ts': 100,
  'clocks.stack.test.ts': 150,
};
const placeOf = (file: string) =>
  /^(timed|memory)/.test(file) ? 'alone' : file.startsWith('clock') ? 'first' : 'beside';
const plan = (files: readonly string[] = Object.keys(durations)) => planSuite(files, { cores: 2, durations, placeOf });

describe('the plan of a suite', () => {
  it('shares quick files out by how long they take, and begins with them', () => {
    const [first, second, third] = plan().map(({ files }) => files);
    assert.deepEqual(first, ['a.test.ts']);
    assert.deepEqual(third, ['c.test.ts']);
    assert.deepEqual(second, ['b.test.ts']);
  });

  it('then begins what goes first, then the longest, puts short ones together, and ends with those that run alone', () => {
    assert.deepEqual(
      plan()
        .slice(3)
        .map(({ files, place }) => [...files, place]),
      [
        ['clocks.stack.test.ts', 'first'],
        ['clock.stack.test.ts', 'first'],
        ['longer.stack.test.ts', 'beside'],
        ['long.stack.test.ts', 'beside'],
        ['short.slow.test.ts', 'shorter.slow.test.ts', 'beside'],
        ['timed.slow.test.ts', 'alone'],
        ['memory.slow.test.ts', 'alone'],
      ],
    );
  });

  it('has every file once, also one that it does not know', () => {
    const files = [...Object.keys(durations), 'new.stack.test.ts', 'new.test.ts'];
    assert.deepEqual(
      plan(files)
        .flatMap((job) => job.files)
        .sort(),
      files.sort(),
    );
  });

  it('knows the place of a file by the line at its top', () => {
    const files = ['test/faults/faults', 'test/api/drain', 'test/tasks/task-memory'];
    const places = planSuite(
      files.map((file) => `${file}.${file.includes('faults') ? 'stack' : 'slow'}.test.ts`),
      { cores: 2 },
    );
    assert.deepEqual(
      places.map(({ place }) => place),
      ['first', 'beside', 'alone'],
    );
  });

  it('is one job for one file', () => {
    assert.equal(plan(['a.test.ts']).length, 1);
  });
});
