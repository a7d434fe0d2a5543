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
    const place = placeOfAxis(shape, axis);
    for (const [name, list] of Object.entries({ mean, deviation })) {
      if (!Array.isArray(list)) continue;
      if (place === undefined) return noAxis(axis, shape);
      if (shape[place]! >= 0 && shape[place] !== list.length)
        return `${name} has ${list.length} numbers, and x [${shape}] has ${shape[place]} places along axis ${axis}`;
    }
    return [{ datatype: 'FP32', shape }];
  },
  bytes([x], { mean, deviation, axis }) {
    const { shape, data } = x!;
    for (const [name, list] of Object.entries({ mean, deviation })) {
      const size = Array.isArray(list) ? shape[placeOfAxis(shape, axis)!] : undefined;
      if (size !== undefined && size !== (list as number[]).length)
        return `${name} has ${(list as number[]).length} numbers, and x [${shape}] has ${size} places along axis ${axis}`;
    }
    return data.length * 4;
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
