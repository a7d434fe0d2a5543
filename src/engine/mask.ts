import { arrayOver, type DataType, dataTypes, elementsOf, type Tensor, type TensorHead } from './tensor.ts';

/** An input that says what of the others belongs to a request: 1, where padding is 0. */
export type Mask = {
  readonly name: string;
  readonly datatype: Exclude<DataType, 'BYTES'>;
  /** Of each axis: its size, or the input whose axis has the same. */
  readonly sizes: readonly (number | { readonly input: string; readonly axis: number })[];
};

/** The inputs that the caller gives, with the mask where it is not among them. */
export function headsWithMask<Head extends TensorHead>(
  { name, datatype, sizes }: Mask,
  given: readonly Head[],
): readonly (Head | TensorHead)[] {
  if (given.some((tensor) => tensor.name === name)) return given;
  const sizeOf = (input: string, axis: number) => given.find((tensor) => tensor.name === input)?.shape[axis] ?? 1;
  const shape = sizes.map((size) => (typeof size === 'number' ? size : sizeOf(size.input, size.axis)));
  return [...given, { name, datatype, shape }];
}

/** Checked inputs, whose mask has no data where the caller left it out: it is made now. */
export function withMaskMade(mask: Mask, heads: readonly (Tensor | TensorHead)[]): readonly Tensor[] {
  return heads.map((head) => ('data' in head ? head : maskOf(mask, head.shape)));
}

/** One that covers nothing: all of the request is its own. */
export function maskOf({ name, datatype }: Mask, shape: readonly number[]): Tensor {
  const length = elementsOf(shape);
  const data = arrayOver(datatype, new ArrayBuffer(length * dataTypes[datatype].bytes), 0, length);
  (data as Float64Array).fill(oneOf(datatype) as number);
  return { name, datatype, shape, data };
}

/** As the array of the datatype holds it. */
function oneOf(datatype: Mask['datatype']): number | bigint {
  if (datatype === 'FP16') return 0x3c00;
  return datatype === 'INT64' || datatype === 'UINT64' ? 1n : 1;
}
