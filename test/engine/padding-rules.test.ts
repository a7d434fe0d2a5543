import assert from 'node:assert/strict';
import type { PaddingRule } from '../../src/engine/registry/padding-schema.ts';
import { planPadding } from '../../src/engine/registry/plan-padding.ts';
import type { TensorSpec } from '../../src/engine/registry/tensor-spec.ts';
import type { DataType } from '../../src/engine/tensor.ts';

const spec = (name: string, datatype: DataType, ...dimensions: (number | string)[]): TensorSpec => ({
  name,
  datatype,
  shape: dimensions.map((size) => (typeof size === 'string' ? -1 : size)),
  dimensionNames: dimensions.map((size) => (typeof size === 'string' ? size : '')),
});
const masked = {
  inputs: [spec('x', 'FP32', 'n', 'time', 2), spec('mask', 'INT64', 'n', 'time'), spec('words', 'BYTES', 'n', 'time')],
  outputs: [spec('mean', 'FP32', 'n', 2), spec('each', 'FP32', 'n', 'time')],
};
const rule = (of: Partial<PaddingRule>, rowsMax = 8) => ({
  rows_max: rowsMax,
  padding: { dimensions: ['time'], values: {}, outputs: [], waste_max: 0.5, ...of },
});
const unnamed = { inputs: [spec('x', 'FP32', '', '')], outputs: [spec('y', 'FP32', '', '')] };
const along = [{ output: 'y', axis: 1, dimension: 'x[1]' }];

describe('a rule for rows of different lengths', () => {
  it('names where each input is padded, with what, and where each output is cut', () => {
    const { padding, mask } = planPadding('m', masked, rule({ mask: 'mask', values: { x: -1, words: '-' } }));
    const axes = [{ axis: 1, dimension: 0 }];
    assert.deepEqual(padding, {
      dimensions: [{ name: 'time', input: 0, axis: 1 }],
      inputs: [
        { axes, fill: -1 },
        { axes, fill: 0n },
        { axes, fill: '-' },
      ],
      outputs: { mean: [], each: axes },
      wasteMax: 0.5,
    });
    assert.deepEqual(mask, {
      name: 'mask',
      datatype: 'INT64',
      sizes: [
        { input: 'x', axis: 0 },
        { input: 'x', axis: 1 },
      ],
    });
  });

  it('calls a dimension without a name by its place, and an output’s by what the manifest says', () => {
    const { padding } = planPadding('m', unnamed, rule({ dimensions: ['x[1]'], outputs: along }));
    assert.deepEqual(padding.outputs, { y: [{ axis: 1, dimension: 0 }] });
  });

  it('holds a value as the array of its datatype does', () => {
    const half = { inputs: [spec('x', 'FP16', 'n', 'time')], outputs: [spec('y', 'FP16', 'n', 'time')] };
    assert.equal(planPadding('m', half, rule({ values: { x: 1 } })).padding.inputs[0]!.fill, 0x3c00);
  });

  const refused: [string, RegExp, typeof masked, ReturnType<typeof rule>][] = [
    ['without batches', /rows_max is 1; raise batching.rows_max/, masked, rule({}, 1)],
    [
      'of a dimension that no input has',
      /"tempo", which no input has free; .* are free: time/,
      masked,
      rule({ dimensions: ['tempo'] }),
    ],
    ['of the rows', /"n", which is that of the rows/, masked, rule({ dimensions: ['n'] })],
    ['of a dimension named twice', /"time" twice/, masked, rule({ dimensions: ['time', 'time'] })],
    ['of a fixed dimension', /"x\[2\]", which no input has free/, masked, rule({ dimensions: ['x[2]'] })],
    [
      'with a value for an unknown input',
      /input "z", which it does not have; its inputs are x, mask/,
      masked,
      rule({ values: { z: 0 } }),
    ],
    [
      'with a value that is no such number',
      /pads the input "mask" with 0.5, which is no INT64/,
      masked,
      rule({ values: { mask: 0.5 } }),
    ],
    ['with a text for a number', /pads the input "x" with "a", which is no FP32/, masked, rule({ values: { x: 'a' } })],
    [
      'with a number for a text',
      /pads the input "words" with 1, which is no BYTES/,
      masked,
      rule({ values: { words: 1 } }),
    ],
    ['with an unknown mask', /input "z", which it does not have/, masked, rule({ mask: 'z' })],
    ['with a mask of texts', /mask "words", which is BYTES/, masked, rule({ mask: 'words' })],
    ['with a value for its mask', /a value for its mask "mask"/, masked, rule({ mask: 'mask', values: { mask: 1 } })],
    [
      'with a mask that has no padded dimension',
      /"mask", which has no padded dimension/,
      { ...masked, inputs: [masked.inputs[0]!, spec('mask', 'FP32', 'n', 3)] },
      rule({ mask: 'mask' }),
    ],
    [
      'with a mask that has another free dimension',
      /whose dimension heads is not padded; name that dimension/,
      { ...masked, inputs: [masked.inputs[0]!, spec('mask', 'FP32', 'n', 'heads', 'time')] },
      rule({ mask: 'mask' }),
    ],
    [
      'with a mask larger than any input',
      /whose dimensions time, other no other input has together; leave mask out/,
      {
        ...masked,
        inputs: [
          spec('x', 'FP32', 'n', 'time'),
          spec('z', 'FP32', 'n', 'other'),
          spec('mask', 'BOOL', 'n', 'time', 'other'),
        ],
      },
      rule({ dimensions: ['time', 'other'], mask: 'mask' }),
    ],
    [
      'of a model whose output cannot be cut',
      /cannot cut the output "y" \[-1,-1\]: .* axis 1 \(frames\) follows from; say its dimension/,
      { ...masked, outputs: [spec('y', 'FP32', 'n', 'frames')] },
      rule({}),
    ],
    [
      'that cuts an unknown output',
      /output "z", which it does not have/,
      masked,
      rule({ outputs: [{ output: 'z', axis: 1, dimension: 'time' }] }),
    ],
    [
      'that cuts a fixed axis',
      /axis 1 of the output "mean" \[-1,2\], which is not free/,
      masked,
      rule({ outputs: [{ output: 'mean', axis: 1, dimension: 'time' }] }),
    ],
    [
      'that cuts by what is not padded',
      /dimension "tempo", which is not padded/,
      masked,
      rule({ outputs: [{ output: 'each', axis: 1, dimension: 'tempo' }] }),
    ],
  ];
  for (const [what, says, specs, batching] of refused)
    it(`is refused ${what}`, () => {
      assert.throws(() => planPadding('m', specs, batching), { code: 'invalid_model', message: says });
    });
});
