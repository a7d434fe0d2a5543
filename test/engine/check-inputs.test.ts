import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { checkInputs } from '../../src/engine/check-inputs.ts';
import { completeManifest, parseManifest } from '../../src/engine/registry/complete-manifest.ts';
import type { TensorSpec } from '../../src/engine/registry/tensor-spec.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { fp32 } from './serve-models.ts';

const spec = (name: string): TensorSpec => ({
  name,
  datatype: 'FP32',
  shape: [-1, -1, 2],
  dimensionNames: ['batch', 'length', ''],
});
const manifest = completeManifest(
  parseManifest({ batching: { rows_max: 4 } }, ''),
  {
    irVersion: 8,
    opset: 17,
    producer: '',
    operators: [],
    inputs: [spec('a'), spec('b')],
    outputs: [spec('sum')],
  },
  { name: 'm', version: '1', sizeLimits: readConfig({}) },
);
const good = (name: string, rows = 1, length = 3) => fp32(name, [rows, length, 2], new Float32Array(rows * length * 2));

describe('the inputs of a request', () => {
  it('are put into the model’s order, with rows, bytes and what they may share a batch by', () => {
    const { inputs, ...facts } = checkInputs(manifest, [good('b', 2), good('a', 2)]);
    assert.deepEqual(
      inputs.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.deepEqual(facts, { rows: 2, bytes: 96, shapeKey: '3,2;3,2;', alone: false });
  });

  const wrong: Record<string, { inputs: Tensor[]; outputs?: string[]; says: RegExp }> = {
    'a missing input': { inputs: [good('a')], says: /the input "b" is missing; its inputs are "a", "b"/ },
    'an unknown input': { inputs: [good('a'), good('b'), good('c')], says: /it has no input "c"/ },
    'an input given twice': { inputs: [good('a'), good('a')], says: /the input "a" is given twice/ },
    'another datatype': {
      inputs: [good('a'), { ...good('b'), datatype: 'FP64', data: new Float64Array(6) }],
      says: /the input "b" is FP64; it takes FP32 \[-1,-1,2\]/,
    },
    'another rank': { inputs: [good('a'), fp32('b', [6], new Float32Array(6))], says: /has the shape \[6\]/ },
    'another size of a fixed dimension': {
      inputs: [good('a'), fp32('b', [1, 3, 1], new Float32Array(3))],
      says: /has the shape \[1,3,1\]; it takes FP32 \[-1,-1,2\]/,
    },
    'a negative dimension': { inputs: [good('a'), fp32('b', [-1, -3, 2], new Float32Array(6))], says: /\[-1,-3,2\]/ },
    'a fractional dimension': { inputs: [good('a'), fp32('b', [1.5, 2, 2], new Float32Array(6))], says: /1\.5/ },
    'a shape beyond all numbers': { inputs: [good('a'), fp32('b', [2 ** 53, 2, 2], [])], says: /9007199254740992/ },
    'fewer elements than the shape needs': {
      inputs: [good('a'), fp32('b', [1, 3, 2], new Float32Array(5))],
      says: /the input "b" holds 5 elements; its shape \[1,3,2\] needs 6/,
    },
    'strings where numbers belong': {
      inputs: [good('a'), { ...good('b'), data: ['', '', '', '', '', ''] }],
      says: /"b" is not held as FP32/,
    },
    'rows that do not agree': { inputs: [good('a', 1), good('b', 2)], says: /has 2 rows and "a" has 1/ },
    'a named dimension that does not agree': {
      inputs: [good('a'), good('b', 1, 4)],
      says: /"b" has the size 4 in dimension 1 \(length\); another input has 3/,
    },
    'no rows': { inputs: [good('a', 0), good('b', 0)], says: /no rows/ },
    'more rows than a batch takes': { inputs: [good('a', 5), good('b', 5)], says: /5 rows; it takes 4 at most/ },
    'an unknown output': { inputs: [good('a'), good('b')], outputs: ['mean'], says: /no output "mean"; .* "sum"/ },
    'an output asked for twice': { inputs: [good('a'), good('b')], outputs: ['sum', 'sum'], says: /asked for twice/ },
  };
  for (const [what, { inputs, outputs, says }] of Object.entries(wrong)) {
    it(`are refused with the place: ${what}`, () => {
      assert.throws(() => checkInputs(manifest, inputs, outputs), { code: 'invalid_input', message: says });
    });
  }
});
