import { arrayOver, dataTypes, elementsOf, type Tensor, type TypedArray } from '../tensor.ts';

/**
 * The rows of several answers, or inputs, of one model, one after the other along the first
 * dimension.
 */
export function joinRows(parts: readonly (readonly Tensor[])[]): Tensor[] {
  const [first = []] = parts;
  return first.map((_, index) => joinTensors(parts.map((part) => part[index]!)));
}

/**
 * Tensors that differ in their rows only, as one in a buffer of its own; a single one keeps its
 * shape.
 */
export function joinTensors(pieces: readonly Tensor[]): Tensor {
  const { name, datatype, shape: one } = pieces[0]!;
  let rows = 0;
  for (const { shape } of pieces) rows += shape[0] ?? 1;
  const shape = pieces.length === 1 ? one : [rows, ...one.slice(1)];
  if (datatype === 'BYTES') return { name, datatype, shape, data: pieces.flatMap(({ data }) => data as string[]) };
  const length = elementsOf(shape);
  const data = arrayOver(datatype, new ArrayBuffer(length * dataTypes[datatype].bytes), 0, length);
  let at = 0;
  for (const piece of pieces) {
    const part = piece.data as TypedArray;
    // One datatype, so one kind of array: the union's `set` cannot be called otherwise.
    (data as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  return { name, datatype, shape, data };
}
