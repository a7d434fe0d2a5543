import { z } from 'zod';
import { arrayOver, dataTypes, elementsOf, type TypedArray } from '../../tensor.ts';
import { linesAlong, noAxis, placeOfAxis, startsOf, withSize } from './along-axis.ts';
import { isComparable, notComparable } from './comparable.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  k: z.int().min(1).max(65_536).describe('How many of the largest values.'),
  axis: z.int().min(-16).max(15).default(-1).describe('The axis that is searched.'),
});

/** The largest values, the largest first, and their places. What is no number comes last. */
export const topK: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['x'],
  outputs: ['values', 'indices'],
  plan([x], { k, axis }) {
    const { datatype, shape } = x!;
    if (!isComparable(datatype)) return notComparable(datatype);
    const place = placeOfAxis(shape, axis);
    if (place === undefined) return noAxis(axis, shape);
    if (shape[place]! >= 0 && shape[place]! < k)
      return `k is ${k}, and x [${shape}] has only ${shape[place]} values along axis ${axis}`;
    const made = withSize(shape, axis, k);
    return [
      { datatype, shape: made },
      { datatype: 'INT64', shape: made },
    ];
  },
  bytes([x], { k, axis }) {
    const { datatype, shape } = x!;
    const { count, stride, outer } = linesAlong(shape, axis);
    if (count < k) return `k is ${k}, and x [${shape}] has only ${count} values along axis ${axis}`;
    return outer * stride * k * (dataTypes[datatype].bytes + 8);
  },
  cost: ([x]) => x!.data.length * 60,
  run([x], { k, axis }) {
    const data = x!.data as TypedArray;
    const { datatype } = x! as { datatype: Exclude<keyof typeof dataTypes, 'BYTES'> };
    const shape = withSize(x!.shape, axis, k);
    const length = elementsOf(shape);
    const values = arrayOver(datatype, new ArrayBuffer(length * dataTypes[datatype].bytes), 0, length);
    const indices = new BigInt64Array(length);
    const lines = linesAlong(x!.shape, axis);
    const { count, stride } = lines;
    let line = 0;
    for (const start of startsOf(lines)) {
      const valueAt = (place: number) => data[start + place * stride]!;
      const order = Array.from({ length: count }, (_, place) => place).sort((one, other) =>
        largestFirst(valueAt(one), valueAt(other)),
      );
      // The lines of the answer lie as the lines of x do, only shorter.
      const from = Math.floor(line / stride) * k * stride + (line % stride);
      for (let rank = 0; rank < k; rank += 1) {
        (values as unknown as (number | bigint)[])[from + rank * stride] = valueAt(order[rank]!);
        indices[from + rank * stride] = BigInt(order[rank]!);
      }
      line += 1;
    }
    return [
      { datatype, shape, data: values },
      { datatype: 'INT64', shape, data: indices },
    ];
  },
};

/** The sort is stable: equal values stay in their order. */
function largestFirst(one: number | bigint, other: number | bigint): number {
  if (Number.isNaN(one)) return Number.isNaN(other) ? 0 : 1;
  if (Number.isNaN(other)) return -1;
  return one < other ? 1 : one > other ? -1 : 0;
}
