import { isStrings, type Tensor } from '../tensor.ts';

/** Some rows of a tensor: a view, not a copy. */
export function cutRows({ name, datatype, shape, data }: Tensor, from: number, rows: number): Tensor {
  const rowLength = data.length / (shape[0] ?? 1);
  const [start, end] = [from * rowLength, (from + rows) * rowLength];
  const part = isStrings(data) ? data.slice(start, end) : data.subarray(start, end);
  return { name, datatype, shape: [rows, ...shape.slice(1)], data: part };
}
