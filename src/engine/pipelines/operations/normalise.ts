import { z } from 'zod';
import type { TypedArray } from '../../tensor.ts';
import { linesAlong, noAxis, placeOfAxis } from './along-axis.ts';
import { isComparable, notComparable } from './comparable.ts';
import type { Operation } from './operation.ts';

const values = z.union([z.number(), z.array(z.number()).min(1).max(4096)]);

const how = z.strictObject({
  scale: z.number().default(1).describe('Each value is multiplied by it first: 1/255 for the values of pixels.'),
  mean: values.default(0).describe('What is subtracted: one number, or one for each place along the axis.'),
  deviation: values.default(1).describe('What it is then divided by, likewise.'),
  axis: z.int().min(-16).max(15).default(-1).describe('The axis that lists run along: that of the channels.'),
});

/** (x · scale − mean) / deviation, in FP32. */
export const normalise: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['x'],
  outputs: ['y'],
  plan([x], { mean, deviation, axis }) {
    const { datatype, shape } = x!;
    if (!isComparable(datatype)) return notComparable(datatype);
    if ([deviation].flat().some((one) => one === 0)) return 'deviation is 0 in a place';
    if ([mean, deviation].some(Array.isArray) && placeOfAxis(shape, axis) === undefined) return noAxis(axis, shape);
    return misfitOf(shape, { mean, deviation }, axis) ?? [{ datatype: 'FP32', shape }];
  },
  bytes([x], { mean, deviation, axis }) {
    const { shape, data } = x!;
    return misfitOf(shape, { mean, deviation }, axis) ?? data.length * 4;
  },
  cost: ([x]) => x!.data.length * 4,
  run([x], { scale, mean, deviation, axis }) {
    const given = x!.data as TypedArray;
    const isOne = !Array.isArray(mean) && !Array.isArray(deviation);
    const { count, stride } = isOne ? { count: 1, stride: 1 } : linesAlong(x!.shape, axis);
    const means = Float64Array.from({ length: count }, (_, at) => (Array.isArray(mean) ? mean[at]! : mean));
    const factors = Float64Array.from(
      { length: count },
      (_, at) => 1 / (Array.isArray(deviation) ? deviation[at]! : deviation),
    );
    const data = new Float32Array(given.length);
    for (let at = 0; at < data.length; at += 1) {
      const channel = Math.floor(at / stride) % count;
      data[at] = (Number(given[at]) * scale - means[channel]!) * factors[channel]!;
    }
    return [{ datatype: 'FP32', shape: x!.shape, data }];
  },
};

/** A list that is not as long as the axis is; a free axis fits every list. */
function misfitOf(
  shape: readonly number[],
  lists: Readonly<Record<string, number | readonly number[]>>,
  axis: number,
): string | undefined {
  for (const [name, list] of Object.entries(lists)) {
    if (typeof list === 'number') continue;
    const size = shape[placeOfAxis(shape, axis)!]!;
    if (size >= 0 && size !== list.length)
      return `${name} has ${list.length} numbers, and x [${shape}] has ${size} places along axis ${axis}`;
  }
  return undefined;
}
