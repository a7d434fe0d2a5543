import { type DataType, dataTypes, elementsOf, type TypedArray } from '../../../src/engine/tensor.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** A dimension: a size, or the name of one that is free. */
export type Dimension = number | string;

/** A plain number or array of them is an integer attribute: what is a float says so. */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | Graph;

/**
 * A graph under construction: `input`, `constant` and `node` give back the name of the value they
 * make, to be used as an input of the next. Every node has a name, so that a profile or a span can
 * say which one it was. Integer constants may be given as numbers, whatever their datatype; FP16 as
 * bits.
 */
export class Graph {
  readonly #name: string;
  readonly #nodes: Uint8Array[] = [];
  readonly #constants: Uint8Array[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #uses = new Map<string, number>();

  constructor(name = 'graph') {
    this.#name = name;
  }

  input(name: string, datatype: DataType, shape: readonly Dimension[]): string {
    this.#inputs.push(encodeValue(name, datatype, shape));
    return name;
  }

  /** Declares a value that a node (or an input) has made as an output of the graph. */
  output(name: string, datatype: DataType, shape: readonly Dimension[]): void {
    this.#outputs.push(encodeValue(name, datatype, shape));
  }

  constant(
    name: string,
    datatype: DataType,
    shape: readonly number[],
    data: TypedArray | readonly (number | string)[],
  ): string {
    this.#constants.push(encodeTensor(name, datatype, shape, data));
    return name;
  }

  /** Adds an operator. `name` names the node and, unless `outputs` does, its one output. */
  node(
    operator: string,
    inputs: readonly string[],
    options: {
      name?: string;
      /** Of an operator that is not ONNX's own. */
      domain?: string;
      outputs?: readonly string[];
      attributes?: Readonly<Record<string, Attribute>>;
    } = {},
  ): string {
    const name = options.name ?? options.outputs?.[0] ?? this.#nextName(operator);
    const outputs = options.outputs ?? [name];
    const writer = new ProtobufWriter();
    for (const input of inputs) writer.text(1, input);
    for (const output of outputs) writer.text(2, output);
    writer.text(3, name).text(4, operator);
    for (const [key, value] of Object.entries(options.attributes ?? {})) writer.message(5, encodeAttribute(key, value));
    if (options.domain !== undefined) writer.text(7, options.domain);
    this.#nodes.push(writer.finish());
    return outputs[0] ?? '';
  }

  /** The bytes of a GraphProto. */
  encode(): Uint8Array {
    const writer = new ProtobufWriter();
    for (const node of this.#nodes) writer.message(1, node);
    writer.text(2, this.#name);
    for (const constant of this.#constants) writer.message(5, constant);
    for (const input of this.#inputs) writer.message(11, input);
    for (const output of this.#outputs) writer.message(12, output);
    return writer.finish();
  }

  #nextName(operator: string): string {
    const used = (this.#uses.get(operator) ?? 0) + 1;
    this.#uses.set(operator, used);
    return `${this.#name}/${operator}_${used}`;
  }
}

/**
 * The bytes of an ONNX file. IR version 8 and opset 17 are read by every ONNX Runtime since 1.12.
 */
export function writeOnnx(graph: Graph, { opset = 17, irVersion = 8 } = {}): Uint8Array {
  return new ProtobufWriter()
    .integer(1, irVersion)
    .text(2, 'vitrine')
    .message(7, graph.encode())
    .message(8, new ProtobufWriter().text(1, '').integer(2, opset).finish())
    .finish();
}

function encodeValue(name: string, datatype: DataType, shape: readonly Dimension[]): Uint8Array {
  const dimensions = new ProtobufWriter();
  for (const dimension of shape) {
    const one = new ProtobufWriter();
    dimensions.message(
      1,
      (typeof dimension === 'number' ? one.integer(1, dimension) : one.text(2, dimension)).finish(),
    );
  }
  const tensorType = new ProtobufWriter().integer(1, dataTypes[datatype].onnxCode).message(2, dimensions.finish());
  const type = new ProtobufWriter().message(1, tensorType.finish());
  return new ProtobufWriter().text(1, name).message(2, type.finish()).finish();
}

function encodeTensor(
  name: string,
  datatype: DataType,
  shape: readonly number[],
  data: TypedArray | readonly (number | string)[],
): Uint8Array {
  if (data.length !== elementsOf(shape)) {
    throw new RangeError(`Cannot write constant ${name}: ${data.length} elements for the shape [${shape}].`);
  }
  const writer = new ProtobufWriter();
  for (const dimension of shape) writer.integer(1, dimension);
  writer.integer(2, dataTypes[datatype].onnxCode);
  if (datatype === 'BYTES') for (const text of data) writer.text(6, String(text));
  writer.text(8, name);
  if (datatype !== 'BYTES') writer.message(9, rawBytes(datatype, data));
  return writer.finish();
}

function rawBytes(datatype: Exclude<DataType, 'BYTES'>, data: TypedArray | readonly (number | string)[]): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  switch (datatype) {
    case 'INT64':
      return new Uint8Array(BigInt64Array.from(data, BigInt).buffer);
    case 'UINT64':
      return new Uint8Array(BigUint64Array.from(data, BigInt).buffer);
    default:
      return new Uint8Array(new dataTypes[datatype].array(data.map(Number)).buffer);
  }
}

function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const writer = new ProtobufWriter().text(1, name);
  if (value instanceof Graph) return writer.message(6, value.encode()).integer(20, 5).finish();
  if (typeof value === 'number') return writer.integer(3, value).integer(20, 2).finish();
  if (typeof value === 'string') return writer.text(4, value).integer(20, 3).finish();
  if ('float' in value) return writer.float(2, value.float).integer(20, 1).finish();
  if ('floats' in value) {
    for (const each of value.floats) writer.float(7, each);
    return writer.integer(20, 6).finish();
  }
  if ('strings' in value) {
    for (const each of value.strings) writer.text(9, each);
    return writer.integer(20, 8).finish();
  }
  for (const each of value) writer.integer(8, each);
  return writer.integer(20, 7).finish();
}
