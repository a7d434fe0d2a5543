import { z } from 'zod';
import type { TypedArray } from '../../tensor.ts';
import { elementsOf } from '../../tensor.ts';
import { linesAlong, noAxis, placeOfAxis, startsOf, withSize } from './along-axis.ts';
import { isComparable, notComparable } from './comparable.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  axis: z.int().min(-16).max(15).default(-1).describe('The axis that is searched.'),
  keep_axis: z.boolean().default(false).describe('Whether the axis stays, with the size 1.'),
});

/** The place of the largest value; of equal ones the first. NaN is never the largest. */
export const argmax: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['x'],
  outputs: ['index'],
  plan([x], { axis, keep_axis: keepAxis }) {
    if (!isComparable(x!.datatype)) return notComparable(x!.datatype);
    if (placeOfAxis(x!.shape, axis) === undefined) return noAxis(axis, x!.shape);
    return [{ datatype: 'INT64', shape: withSize(x!.shape, axis, keepAxis ? 1 : undefined) }];
  },
  bytes([x], { axis }) {
    const lines = linesAlong(x!.shape, axis);
    return lines.count === 0 ? 'x is empty along the axis' : lines.outer * lines.stride * 8;
  },
  cost: ([x]) => x!.data.length * 3,
  run([x], { axis, keep_axis: keepAxis }) {
    const data = x!.data as TypedArray;
    const shape = withSize(x!.shape, axis, keepAxis ? 1 : undefined);
    const places = new BigInt64Array(elementsOf(shape));
    const lines = linesAlong(x!.shape, axis);
    let line = 0;
    for (const start of startsOf(lines)) {
      let best = 0;
      for (let at = 1; at < lines.count; at += 1) {
        const value = data[start + at * lines.stride]!;
        const champion = data[start + best * lines.stride]!;
        if (value > champion || Number.isNaN(champion)) best = at;
      }
      places[line] = BigInt(best);
      line += 1;
    }
    return [{ datatype: 'INT64', shape, data: places }];
  },
};
