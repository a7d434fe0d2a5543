/**
 * The datatypes of the Open Inference Protocol that ONNX Runtime's Node binding can carry: bytes an
 * element, the array that holds them, ONNX Runtime's name, and the number in an ONNX file. FP16
 * travels as its bits, BOOL as one byte each, BYTES as strings (bytes 0: their size varies). BF16
 * is not among them, and BYTES that are no UTF-8 cannot pass: the binding has neither.
 */
export const dataTypes = {
  BOOL: { bytes: 1, array: Uint8Array, onnxName: 'bool', onnxCode: 9 },
  UINT8: { bytes: 1, array: Uint8Array, onnxName: 'uint8', onnxCode: 2 },
  UINT16: { bytes: 2, array: Uint16Array, onnxName: 'uint16', onnxCode: 4 },
  UINT32: { bytes: 4, array: Uint32Array, onnxName: 'uint32', onnxCode: 12 },
  UINT64: { bytes: 8, array: BigUint64Array, onnxName: 'uint64', onnxCode: 13 },
  INT8: { bytes: 1, array: Int8Array, onnxName: 'int8', onnxCode: 3 },
  INT16: { bytes: 2, array: Int16Array, onnxName: 'int16', onnxCode: 5 },
  INT32: { bytes: 4, array: Int32Array, onnxName: 'int32', onnxCode: 6 },
  INT64: { bytes: 8, array: BigInt64Array, onnxName: 'int64', onnxCode: 7 },
  FP16: { bytes: 2, array: Uint16Array, onnxName: 'float16', onnxCode: 10 },
  FP32: { bytes: 4, array: Float32Array, onnxName: 'float32', onnxCode: 1 },
  FP64: { bytes: 8, array: Float64Array, onnxName: 'float64', onnxCode: 11 },
  BYTES: { bytes: 0, array: undefined, onnxName: 'string', onnxCode: 8 },
} as const;

export type DataType = keyof typeof dataTypes;

export type TypedArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** Row-major elements. The engine reads `data` until the answer is there and never writes to it. */
export type Tensor = {
  readonly name: string;
  readonly datatype: DataType;
  readonly shape: readonly number[];
  readonly data: TypedArray | string[];
};

/** What a request says of a tensor before its data is looked at. */
export type TensorHead = Pick<Tensor, 'name' | 'datatype' | 'shape'>;

export function isDataType(word: string): word is DataType {
  return Object.hasOwn(dataTypes, word);
}

/**
 * The product of the dimensions; 1 for a scalar. Not a safe integer when the shape is absurd: check
 * before allocating.
 */
export function elementsOf(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) count *= dimension;
  return count;
}

/**
 * What the tensor holds, in bytes; for BYTES its texts in UTF-8. Queues, metrics and cost all count
 * by this.
 */
export function bytesOf({ data }: Pick<Tensor, 'data'>): number {
  if (!isStrings(data)) return data.byteLength;
  let bytes = 0;
  for (const text of data) bytes += Buffer.byteLength(text);
  return bytes;
}

export function bytesOfAll(tensors: readonly Tensor[]): number {
  let bytes = 0;
  for (const tensor of tensors) bytes += bytesOf(tensor);
  return bytes;
}

export function isStrings(data: Tensor['data']): data is string[] {
  return Array.isArray(data);
}

/** A typed array over part of a buffer; `offsetBytes` must be a multiple of the element's size. */
export function arrayOver(
  datatype: Exclude<DataType, 'BYTES'>,
  buffer: ArrayBuffer,
  offsetBytes: number,
  length: number,
): TypedArray {
  return new dataTypes[datatype].array(buffer, offsetBytes, length);
}

/** What may be recorded of an input: never its data. */
export type InputShape = { readonly name: string; readonly datatype: DataType; readonly shape: readonly number[] };

export function shapesOf(inputs: readonly Tensor[]): readonly InputShape[] {
  return inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
}

/** As in `input_1 FP32 [1,144160]`. */
export function inputText({ name, datatype, shape }: InputShape): string {
  return `${name} ${datatype} [${shape.join(',')}]`;
}
