import { arrayOver, dataTypes, elementsOf, isStrings, type Tensor } from '../tensor.ts';

/**
 * The rows of several answers, or inputs, of one model, one after the other along the first
 * dimension.
 */
export function joinRows(parts: readonly (readonly Tensor[])[]): Tensor[] {
  const [first = []] = parts;
  return first.map((tensor, index) => {
    const pieces = parts.map((part) => part[index] ?? tensor);
    const rows = pieces.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
    const shape = [rows, ...tensor.shape.slice(1)];
    return { name: tensor.name, datatype: tensor.datatype, shape, data: joinData(tensor, pieces, shape) };
  });
}

function joinData({ datatype }: Tensor, pieces: readonly Tensor[], shape: readonly number[]): Tensor['data'] {
  if (datatype === 'BYTES') return pieces.flatMap(({ data }) => (isStrings(data) ? data : []));
  const joined = arrayOver(
    datatype,
    new ArrayBuffer(elementsOf(shape) * dataTypes[datatype].bytes),
    0,
    elementsOf(shape),
  );
  let at = 0;
  for (const { data } of pieces) {
    if (isStrings(data)) continue;
    // One datatype, so one kind of array: the union's `set` cannot be called otherwise.
    (joined as Float32Array).set(data as Float32Array, at);
    at += data.length;
  }
  return joined;
}
