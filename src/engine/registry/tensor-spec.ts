import { type DataType, dataTypes } from '../tensor.ts';

/**
 * One input or output; a free dimension is -1, its name in the ONNX file (or '') in
 * `dimensionNames`.
 */
export type TensorSpec = {
  readonly name: string;
  readonly datatype: DataType;
  readonly shape: readonly number[];
  readonly dimensionNames: readonly string[];
};

/**
 * The ONNX file's number of a datatype turned into ours; undefined for those that cannot be carried
 * (BF16, FP8, INT4 …).
 */
export function dataTypeOfOnnx(onnxCode: number): DataType | undefined {
  return (Object.keys(dataTypes) as DataType[]).find((name) => dataTypes[name].onnxCode === onnxCode);
}

/** Whether a tensor of one shape can be one of the other: a free size fits every size. */
export function shapesFit(shape: readonly number[], other: readonly number[]): boolean {
  return (
    shape.length === other.length && shape.every((size, axis) => size === other[axis] || size < 0 || other[axis]! < 0)
  );
}
