import { arrayOver, dataTypes, elementsOf, isStrings, type Tensor, type TypedArray } from '../tensor.ts';
import { cutRows } from './cut-rows.ts';
import { joinTensors } from './join-rows.ts';
import { type PaddedAxis, type Padding, paddedShape } from './padding.ts';

/** Tensors that differ in their rows and along padded axes, as one in a buffer of its own. */
export function joinPadded(
  pieces: readonly Tensor[],
  { axes, fill }: Padding['inputs'][number],
  lengths: readonly number[],
): Tensor {
  const { name, datatype } = pieces[0]!;
  if (axes.length === 0) return joinTensors(pieces);
  const rows = pieces.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const shape = paddedShape(pieces[0]!, axes, lengths, rows);
  const data = filledArray(datatype, elementsOf(shape), fill);
  let row = 0;
  for (const piece of pieces) {
    copyCorner({ ...piece, row: 0 }, { shape, data, row }, piece.shape);
    row += piece.shape[0]!;
  }
  return { name, datatype, shape, data };
}

/** Some rows of a padded tensor in their own lengths: a view where nothing of them is padding. */
export function cutPadded(
  tensor: Tensor,
  axes: readonly PaddedAxis[],
  of: { readonly from: number; readonly rows: number; readonly lengths: readonly number[] },
): Tensor {
  const { name, datatype } = tensor;
  const shape = paddedShape(tensor, axes, of.lengths, of.rows);
  if (axes.every(({ axis }) => shape[axis] === tensor.shape[axis])) return cutRows(tensor, of.from, of.rows);
  const data = filledArray(datatype, elementsOf(shape), datatype === 'BYTES' ? '' : 0);
  copyCorner({ ...tensor, row: of.from }, { shape, data, row: 0 }, shape);
  return { name, datatype, shape, data };
}

function filledArray(datatype: Tensor['datatype'], length: number, fill: number | bigint | string): Tensor['data'] {
  if (datatype === 'BYTES') return new Array<string>(length).fill(fill as string);
  const data = arrayOver(datatype, new ArrayBuffer(length * dataTypes[datatype].bytes), 0, length);
  // A buffer begins with zeros.
  if (fill !== 0 && fill !== 0n) (data as Float64Array).fill(fill as number);
  return data;
}

/** Rows of a tensor, beginning with `row`. */
type Rows = { readonly shape: readonly number[]; readonly data: Tensor['data']; readonly row: number };

/** So few elements are copied sooner one by one. */
const copiedOneByOne = 16;

/** Copies a block of this shape between the first corners of two tensors that hold more. */
function copyCorner(from: Rows, to: Rows, shape: readonly number[]): void {
  const fromSteps = stepsOf(from.shape);
  const toSteps = stepsOf(to.shape);
  // From this axis on the block lies in one piece in both.
  let whole = shape.length - 1;
  while (whole > 0 && shape[whole] === from.shape[whole] && shape[whole] === to.shape[whole]) whole -= 1;
  const length = shape[whole]! * fromSteps[whole]!;
  const copy = (axis: number, fromAt: number, toAt: number): void => {
    if (axis === whole) {
      copyElements(from.data, fromAt, to.data, toAt, length);
      return;
    }
    for (let at = 0; at < shape[axis]!; at += 1)
      copy(axis + 1, fromAt + at * fromSteps[axis]!, toAt + at * toSteps[axis]!);
  };
  copy(0, from.row * fromSteps[0]!, to.row * toSteps[0]!);
}

/** How far apart neighbours along each axis lie. */
function stepsOf(shape: readonly number[]): number[] {
  const steps = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) steps[axis] = steps[axis + 1]! * shape[axis + 1]!;
  return steps;
}

function copyElements(from: Tensor['data'], fromAt: number, to: Tensor['data'], toAt: number, length: number): void {
  if (!isStrings(from) && length > copiedOneByOne) {
    (to as Float64Array).set(from.subarray(fromAt, fromAt + length) as TypedArray as Float64Array, toAt);
    return;
  }
  // One datatype, so one kind of array on both sides.
  const [read, written] = [from as Float64Array, to as Float64Array];
  for (let at = 0; at < length; at += 1) written[toAt + at] = read[fromAt + at]!;
}
