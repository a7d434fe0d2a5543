import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Field } from '../../web/dashboards/field.ts';
import { rangeOf } from '../../web/dashboards/panels/value-range.ts';

const logarithmic = { custom: { scaleDistribution: { type: 'log' } } } as Field;

describe('the range of a chart’s values', () => {
  it('begins at a power of ten on a logarithmic axis, and has every value', () => {
    assert.deepEqual(rangeOf(9.6e-5, 0.2, logarithmic), [1e-5, 0.2]);
    assert.deepEqual(rangeOf(null, null, logarithmic), [1e-9, 1]);
    const value = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const [min, max] = rangeOf(low, high, logarithmic);
        assert.match(min.toExponential(), /^1e/);
        assert.ok(min <= low * (1 + 1e-12) && max >= high && Number.isFinite(max), `${min} to ${max}`);
      }),
    );
  });

  it('begins at zero elsewhere, with room above', () => {
    const [min, max] = rangeOf(2, 10, {} as Field);
    assert.equal(min, 0);
    assert.ok(max > 10 && max < 11);
    assert.deepEqual(rangeOf(0, 0, {} as Field), [0, 1]);
  });
});
