import { z } from 'zod';
import { bytesOf } from '../../tensor.ts';
import { linesAlong, noAxis, placeOfAxis, startsOf } from './along-axis.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  axis: z.int().min(-16).max(15).default(-1).describe('The axis whose values sum up to 1.'),
});

/** Probabilities of scores. */
export const softmax: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['x'],
  outputs: ['y'],
  plan([x], { axis }) {
    if (x!.datatype !== 'FP32' && x!.datatype !== 'FP64') return `it takes FP32 or FP64, and x is ${x!.datatype}`;
    return placeOfAxis(x!.shape, axis) === undefined ? noAxis(axis, x!.shape) : [x!];
  },
  bytes: ([x]) => bytesOf(x!),
  cost: ([x]) => x!.data.length * 15,
  run([x], { axis }) {
    const data = x!.data.slice() as Float32Array | Float64Array;
    const lines = linesAlong(x!.shape, axis);
    const { count, stride } = lines;
    for (const start of startsOf(lines)) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let at = 0; at < count; at += 1) largest = Math.max(largest, data[start + at * stride]!);
      let sum = 0;
      // Subtracting the largest keeps the exponentials finite.
      for (let at = 0; at < count; at += 1) sum += Math.exp(data[start + at * stride]! - largest);
      for (let at = 0; at < count; at += 1)
        data[start + at * stride] = Math.exp(data[start + at * stride]! - largest) / sum;
    }
    return [{ datatype: x!.datatype, shape: x!.shape, data }];
  },
};
