import assert from 'node:assert/strict';
import { whatIfAsked } from '../../src/api/what-if/what-if-queries.ts';
import { alloys } from '../../src/tasks/materials/alloys.ts';
import { example, fills } from '../../web/try/example-input.ts';
import { quotaLeft } from '../../web/try/quota-left.ts';
import { trials } from '../../web/try/trial.ts';
import { askedOf, changes } from '../../web/what-if/changes.ts';
import { differenceOf } from '../../web/what-if/difference.ts';

describe('the what-if view', () => {
  it('asks for what the address says, in numbers, and for nothing that is as it is', () => {
    assert.deepEqual(askedOf(new URLSearchParams('lanes=2&load=1.5&rows_max=&without_tenant=studio'), 'm'), {
      ...{ model: 'm', minutes: 60, lanes: 2, load: 1.5, without_tenant: 'studio' },
    });
    assert.deepEqual(askedOf(new URLSearchParams('from=2026-11-30T04:00:00Z&lanes=x'), 'm'), {
      ...{ model: 'm', from: '2026-11-30T04:00:00Z' },
    });
  });

  it('offers every change that the service takes, within its bounds', () => {
    for (const { name, min, max } of changes)
      for (const value of [min, max])
        assert.deepEqual(
          whatIfAsked.parse(askedOf(new URLSearchParams({ [name]: String(value) }), 'm'))[name as 'lanes'],
          value,
        );
    const notNumbers = ['model', 'version', 'minutes', 'from', 'to', 'without_tenant'];
    assert.deepEqual([...changes.map(({ name }) => name), ...notNumbers].sort(), Object.keys(whatIfAsked.shape).sort());
  });

  it('says a difference as a person does', () => {
    assert.deepEqual(
      [
        [100, 100],
        [100, 95],
        [100, 38],
        [100, 350],
        [0, 3],
        [100, 0],
      ].map(([before, after]) => differenceOf(before!, after!)),
      ['=', '−5.0 %', '−62 %', '× 3.5', 'new', '−100 %'],
    );
  });
});

describe('trying any model', () => {
  it('fills its inputs with values of their type', () => {
    for (const fill of fills) {
      const { shape, data } = example({ name: 'x', datatype: 'FP32', shape: [-1, 3] }, fill);
      assert.deepEqual(shape, [1, 3]);
      assert.equal((data as number[]).length, 3);
      const whole = example({ name: 'x', datatype: 'INT64', shape: [40] }, fill).data as number[];
      assert.ok(whole.every((value) => Number.isInteger(value) && value >= 0));
      const flags = example({ name: 'x', datatype: 'BOOL', shape: [2] }, fill).data as boolean[];
      assert.ok(flags.every((value) => typeof value === 'boolean'));
    }
    assert.deepEqual(example({ name: 'x', datatype: 'FP32', shape: [2] }, 'ones').data, [1, 1]);
    assert.deepEqual(example({ name: 'x', datatype: 'BYTES', shape: [1] }, 'random').data, ['']);
  });

  it('offers the alloys that there are', () => {
    const fields = trials.find(({ id }) => id === 'microstructure')?.fields ?? [];
    const offered = fields.flatMap((field) => (field.name === 'alloy' && field.kind === 'choice' ? field.of : []));
    assert.deepEqual(offered.toSorted(), Object.keys(alloys).sort());
  });

  it('says what is left of the quota, where there is one', () => {
    assert.equal(quotaLeft('"tasks";r=9;t=12'), '9 tasks left, all again in 12 s');
    assert.equal(quotaLeft('"infer";r=600;t=0'), '600 inferences left');
    assert.equal(quotaLeft('"infer";r=6000000;t=1'), undefined);
    assert.equal(quotaLeft(null), undefined);
  });
});
