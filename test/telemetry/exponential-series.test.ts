import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ExponentialSeries } from '../../src/telemetry/meter/exponential-series.ts';

const seriesOf = (values: readonly number[]) => {
  const series = new ExponentialSeries();
  for (const value of values) series.record(value);
  return series.snapshot(0);
};
const upperBound = (scale: number, index: number) => 2 ** ((index + 1) / 2 ** scale);

describe('an exponential histogram', () => {
  it('holds every value in a bucket whose bounds are around it, whatever the values are', () => {
    const seconds = fc.double({ min: 1e-7, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 400 }), (values) => {
        const { count, sum, scale, zeroCount, offset, counts } = seriesOf(values);
        assert.equal(count, values.length);
        assert.equal(zeroCount, 0);
        assert.ok(Math.abs(sum - values.reduce((total, value) => total + value, 0)) <= 1e-9 * sum);
        assert.ok(counts.length <= 320);
        assert.equal(
          counts.reduce((total, each) => total + each, 0),
          values.length,
        );
        const sorted = [...values].sort((a, b) => a - b);
        let passed = 0;
        for (const [at, inBucket] of counts.entries()) {
          for (const value of sorted.slice(passed, passed + inBucket)) {
            assert.ok(
              value <= upperBound(scale, offset + at) * (1 + 1e-12),
              `${value} in bucket ${offset + at} of scale ${scale}`,
            );
            assert.ok(
              value >= upperBound(scale, offset + at - 1) * (1 - 1e-12),
              `${value} in bucket ${offset + at} of scale ${scale}`,
            );
          }
          passed += inBucket;
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is as fine as its values allow: 0.3 % for close ones, below 10 % over eight decades', () => {
    assert.equal(seriesOf([0.01, 0.011, 0.02]).scale, 8);
    assert.equal(seriesOf([1e-6, 100]).scale, 3);
  });

  it('counts what is zero beside the buckets, and begins empty', () => {
    assert.deepEqual(seriesOf([]), {
      count: 0,
      sum: 0,
      scale: 8,
      zeroCount: 0,
      offset: 0,
      counts: [],
      exemplars: undefined,
    });
    const { zeroCount, counts, count } = seriesOf([0, 0, 1]);
    assert.deepEqual([count, zeroCount, counts], [3, 2, [1]]);
  });
});
