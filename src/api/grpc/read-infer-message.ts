import { isUtf8 } from 'node:buffer';
import { checkHeads, type ManifestOfInputs } from '../../engine/check-inputs.ts';
import { headsWithState } from '../../engine/sequences/model-state.ts';
import {
  type DataType,
  dataTypes,
  isDataType,
  type Tensor,
  type TensorHead,
  type TypedArray,
} from '../../engine/tensor.ts';
import { malformed, quoted } from '../../http/json/malformed.ts';
import { wireTypes } from '../../wire-writer.ts';
import { dataFromBytes } from '../open-inference/binary-tensor.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import { inputsMax, type ReadLimits, textsTooLong, unknownDataType } from '../open-inference/read-infer-request.ts';
import { readSequence } from '../open-inference/read-sequence.ts';
import { elementCount, readShape } from '../open-inference/tensor-shape.ts';
import { WireReader } from './protocol/wire-reader.ts';

/** What a ModelInferRequest is for, and whether it has typed contents only. */
export type ScannedMessage = {
  readonly name: string;
  readonly version: string;
  readonly id: string;
  readonly isTyped: boolean;
};

/** Passes over everything else, so that little is done before the model is known. */
export function scanMessage(message: Buffer): ScannedMessage {
  const reader = new WireReader(message, 0, message.length, fieldsMax);
  let name = '';
  let version = '';
  let id = '';
  let isTyped = true;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === modelName) name = reader.text();
    else if (tag === modelVersion) version = reader.text();
    else if (tag === requestId) id = reader.text();
    else {
      if (tag === rawContents) isTyped = false;
      reader.skip(tag & 7);
    }
  }
  return { name, version, id, isTyped };
}

/** Of a whole message: its inputs and outputs, and the few fields beside them. */
const fieldsMax = 4 * inputsMax;

/**
 * A ModelInferRequest to an inference call. Names, types and shapes are checked against the manifest
 * before any data is decoded. Tensors of raw contents are views of the message where they are
 * aligned.
 */
export function readInferMessage(message: Buffer, limits: MessageLimits, manifest: ManifestOfInputs): InferCall {
  const parts = readParts(message);
  const { parameters, outputs, raw } = parts;
  const sequence = readSequence(parameters);
  const entries = parts.inputs.map((input, index) => readEntry(message, input, index));
  checkHeads(manifest, sequence ? headsWithState(manifest, entries) : entries, outputs);
  if (raw.length > 0 && raw.length !== entries.length)
    throw malformed('raw_input_contents', `has ${raw.length} entries; there are ${entries.length} inputs`);
  return {
    id: parts.id,
    inputs: raw.length > 0 ? readRaw(message, entries, raw, limits) : readTyped(message, entries, limits),
    outputs,
    // An answer comes in the form of its request.
    binary: { byDefault: raw.length > 0 || entries.length === 0, byName: undefined },
    priority: wholeParameter(parameters, 'priority'),
    timeoutUs: wholeParameter(parameters, 'timeout'),
    sequence,
  };
}

export type MessageLimits = Pick<ReadLimits, 'textsMax' | 'textBytesMax' | 'jsonBytesMax'>;
type Parameters = Readonly<Record<string, unknown>>;
/** Where a part of the message lies. */
type Span = readonly [from: number, to: number];
type Entry = TensorHead & { readonly count: number; readonly contents: Span | undefined };

const field = (number: number) => number * 8 + wireTypes.lengthDelimited;
const [modelName, modelVersion, requestId, requestParameters] = [field(1), field(2), field(3), field(4)];
const [inputTensor, outputTensor, rawContents] = [field(5), field(6), field(7)];

const none: Parameters = Object.freeze({});

function readParts(message: Buffer) {
  const reader = new WireReader(message, 0, message.length, fieldsMax);
  const inputs: Span[] = [];
  const raw: Span[] = [];
  let id = '';
  let parameters = none;
  let outputs: string[] | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    switch (tag) {
      case requestId:
        id = reader.text();
        break;
      case requestParameters:
        parameters = withParameter(parameters, reader.inner(), 'parameters');
        break;
      case inputTensor:
        inputs.push(spanOf(reader, inputs.length, 'inputs'));
        break;
      case outputTensor:
        outputs ??= [];
        outputs.push(readOutput(reader.inner(), outputs));
        break;
      case rawContents:
        raw.push(spanOf(reader, raw.length, 'raw_input_contents'));
        break;
      default:
        reader.skip(tag & 7);
    }
  }
  return { id, parameters, inputs, outputs, raw };
}

function spanOf(reader: WireReader, count: number, name: string): Span {
  if (count === inputsMax) throw malformed(name, `has more than ${inputsMax} entries`);
  const to = reader.part();
  const from = reader.at;
  reader.at = to;
  return [from, to];
}

function readOutput(reader: WireReader, earlier: readonly string[]): string {
  const where = `outputs[${earlier.length}]`;
  if (earlier.length === inputsMax) throw malformed('outputs', `has more than ${inputsMax} entries`);
  let name = '';
  let parameters = none;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === field(1)) name = reader.text();
    else if (tag === field(2)) parameters = withParameter(parameters, reader.inner(), `${where}.parameters`);
    else reader.skip(tag & 7);
  }
  if (name === '') throw malformed(`${where}.name`, 'is missing');
  if (earlier.includes(name)) throw malformed(`${where}.name`, `is ${quoted(name)}, which an earlier output has`);
  refuseSharedMemory(parameters, where);
  if (parameters.classification)
    throw malformed(`${where}.parameters.classification`, 'is set; the classification extension is not served');
  return name;
}

function readEntry(message: Buffer, [from, to]: Span, index: number): Entry {
  const where = `inputs[${index}]`;
  const reader = new WireReader(message, from, to);
  const sizes: number[] = [];
  let name = '';
  let datatype = '';
  let parameters = none;
  let contents: Span | undefined;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === field(1)) name = reader.text();
    else if (tag === field(2)) datatype = reader.text();
    else if (tag >>> 3 === 3) readSizes(reader, tag & 7, sizes, `${where}.shape`);
    else if (tag === field(4)) parameters = withParameter(parameters, reader.inner(), `${where}.parameters`);
    else if (tag === field(5)) contents = spanOf(reader, 0, `${where}.contents`);
    else reader.skip(tag & 7);
  }
  if (name === '') throw malformed(`${where}.name`, 'is missing');
  if (datatype === '') throw malformed(`${where}.datatype`, 'is missing');
  if (!isDataType(datatype)) throw malformed(`${where}.datatype`, unknownDataType(datatype));
  refuseSharedMemory(parameters, where);
  const shape = readShape(sizes, `${where}.shape`);
  return { name, datatype, shape, count: elementCount(shape, `${where}.shape`), contents };
}

/** More than any shape may have, so that the check of shapes can say so. */
const sizesMax = 64;

function readSizes(reader: WireReader, wireType: number, sizes: number[], where: string): void {
  const packed = wireType === wireTypes.lengthDelimited ? reader.inner() : undefined;
  if (packed === undefined && wireType !== wireTypes.varint) throw malformed(where, 'is no list of whole numbers');
  do {
    if (packed?.isDone) return;
    if (sizes.length === sizesMax) throw malformed(where, `has more than ${sizesMax} dimensions`);
    sizes.push((packed ?? reader).signed());
  } while (packed);
}

function readRaw(message: Buffer, entries: readonly Entry[], raw: readonly Span[], limits: MessageLimits): Tensor[] {
  const texts = new TextCount(limits);
  return entries.map(({ name, datatype, shape, count, contents }, index) => {
    const where = `inputs[${index}]`;
    if (contents && contents[0] < contents[1])
      throw malformed(`${where}.contents`, 'is set beside raw_input_contents; one of them is wanted');
    const [from, to] = raw[index]!;
    if (datatype === 'BYTES') texts.add(where, shape, count, to - from);
    return { name, datatype, shape, data: dataFromBytes(datatype, count, message, from, to - from, where) };
  });
}

function readTyped(message: Buffer, entries: readonly Entry[], limits: MessageLimits): Tensor[] {
  const texts = new TextCount(limits);
  let bytes = 0;
  return entries.map(({ name, datatype, shape, count, contents }, index) => {
    const where = `inputs[${index}].contents`;
    bytes += contents ? contents[1] - contents[0] : 0;
    // A value of 8 bytes may come in one.
    if (bytes > limits.jsonBytesMax)
      throw malformed(
        where,
        `makes ${bytes} bytes of typed contents; at most ${limits.jsonBytesMax} are taken (VITRINE_JSON_BYTES_MAX): send raw_input_contents`,
      );
    if (contents === undefined && count > 0) throw malformed(where, 'is missing, and there are no raw_input_contents');
    const [from, to] = contents ?? [0, 0];
    if (datatype === 'BYTES') texts.add(`inputs[${index}]`, shape, count, to - from);
    return { name, datatype, shape, data: dataFromContents(message, from, to, datatype, count, where) };
  });
}

/** Texts are copied one by one, so they have limits of their own. */
class TextCount {
  readonly #limits: MessageLimits;
  #texts = 0;
  #bytes = 0;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
  }

  add(where: string, shape: readonly number[], count: number, bytes: number): void {
    const { textsMax, textBytesMax } = this.#limits;
    this.#texts += count;
    this.#bytes += bytes;
    if (this.#texts > textsMax)
      throw malformed(
        `${where}.shape`,
        `says ${quoted(shape)}: more than the ${textsMax} texts that a request may have; send less at once, or raise VITRINE_TEXTS_MAX`,
      );
    if (this.#bytes > textBytesMax) throw textsTooLong(where, this.#bytes, textBytesMax);
  }
}

/** Which field of InferTensorContents has the values of a datatype. */
export const contentsOf = {
  BOOL: { number: 1, name: 'bool_contents' },
  INT8: { number: 2, name: 'int_contents' },
  INT16: { number: 2, name: 'int_contents' },
  INT32: { number: 2, name: 'int_contents' },
  INT64: { number: 3, name: 'int64_contents' },
  UINT8: { number: 4, name: 'uint_contents' },
  UINT16: { number: 4, name: 'uint_contents' },
  UINT32: { number: 4, name: 'uint_contents' },
  UINT64: { number: 5, name: 'uint64_contents' },
  FP32: { number: 6, name: 'fp32_contents' },
  FP64: { number: 7, name: 'fp64_contents' },
  BYTES: { number: 8, name: 'bytes_contents' },
  FP16: undefined,
} as const satisfies Record<DataType, { number: number; name: string } | undefined>;

function dataFromContents(
  message: Buffer,
  from: number,
  to: number,
  datatype: DataType,
  count: number,
  where: string,
): Tensor['data'] {
  const row = contentsOf[datatype];
  if (row === undefined)
    throw malformed(where, `cannot hold ${datatype}: the protocol has no field for it; send raw_input_contents`);
  const given = countValues(message, from, to, datatype, where);
  // Before anything is allocated: a shape may say any number, the values are what was really sent.
  if (given !== count) throw malformed(`${where}.${row.name}`, `has ${given} values; its shape has ${count}`);
  const reader = new WireReader(message, from, to);
  if (datatype === 'BYTES') return readTexts(reader, `${where}.${row.name}`);
  const data = new dataTypes[datatype].array(count) as TypedArray;
  let at = 0;
  while (!reader.isDone) {
    const wireType = reader.tag() & 7;
    if (wireType !== wireTypes.lengthDelimited) {
      fill(reader, 1, data, at, datatype, `${where}.${row.name}`);
      at += 1;
    } else {
      const packed = reader.inner();
      at += fill(packed, Number.POSITIVE_INFINITY, data, at, datatype, `${where}.${row.name}`);
    }
  }
  return data;
}

function wireTypeOf(datatype: DataType): number {
  if (datatype === 'FP32') return wireTypes.fixed32;
  if (datatype === 'FP64') return wireTypes.fixed64;
  return datatype === 'BYTES' ? wireTypes.lengthDelimited : wireTypes.varint;
}

/** Throws where values stand in another datatype's field. */
function countValues(message: Buffer, from: number, to: number, datatype: DataType, where: string): number {
  const { number, name } = contentsOf[datatype]!;
  const own = wireTypeOf(datatype);
  const reader = new WireReader(message, from, to);
  let count = 0;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag >>> 3 !== number)
      throw malformed(where, `has the field ${tag >>> 3}; the values of ${datatype} belong into ${name}`);
    const type = tag & 7;
    if (type === own) {
      reader.skip(type);
      count += 1;
    } else if (type !== wireTypes.lengthDelimited) throw malformed(`${where}.${name}`, `has the wire type ${type}`);
    else {
      const end = reader.part();
      if (own === wireTypes.varint) for (let at = reader.at; at < end; at += 1) count += message[at]! < 0x80 ? 1 : 0;
      else count += (end - reader.at) / (own === wireTypes.fixed32 ? 4 : 8);
      reader.at = end;
    }
  }
  return count;
}

function fill(
  reader: WireReader,
  most: number,
  data: TypedArray,
  from: number,
  datatype: DataType,
  where: string,
): number {
  const halves =
    data instanceof BigInt64Array || data instanceof BigUint64Array ? new Int32Array(data.buffer) : undefined;
  const [min, max] = ranges[datatype] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const numbers = data as Float64Array;
  let at = from;
  for (; !reader.isDone && at - from < most; at += 1) {
    if (datatype === 'FP32') numbers[at] = reader.float();
    else if (datatype === 'FP64') numbers[at] = reader.double();
    else if (halves) {
      halves[2 * at] = reader.low();
      halves[2 * at + 1] = reader.high;
    } else {
      const low = reader.low();
      const value = datatype === 'BOOL' ? Number(low !== 0 || reader.high !== 0) : min < 0 ? low : low >>> 0;
      if (value < min || value > max) throw malformed(`${where}[${at}]`, `is ${value}, which is no ${datatype}`);
      numbers[at] = value;
    }
  }
  return at - from;
}

/** What of the 32 bits that travel a narrower type can hold. */
const ranges: Partial<Record<DataType, readonly [number, number]>> = {
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
};

function readTexts(reader: WireReader, where: string): string[] {
  const texts: string[] = [];
  while (!reader.isDone) {
    reader.tag();
    const element = reader.view();
    if (!isUtf8(element))
      throw malformed(`${where}[${texts.length}]`, 'is not UTF-8, and ONNX Runtime’s binding carries no other bytes');
    texts.push(element.toString());
  }
  return texts;
}

/** One entry of a map of InferParameter. */
function withParameter(parameters: Parameters, entry: WireReader, where: string): Parameters {
  let name = '';
  let value: unknown;
  while (!entry.isDone) {
    const tag = entry.tag();
    if (tag === field(1)) name = entry.text();
    else if (tag === field(2)) value = readParameter(entry.inner());
    else entry.skip(tag & 7);
  }
  if (Object.keys(parameters).length >= parametersMax) throw malformed(where, `has more than ${parametersMax} entries`);
  return { ...parameters, [name]: value };
}

const parametersMax = 64;

function readParameter(reader: WireReader): unknown {
  let value: unknown;
  while (!reader.isDone) {
    const tag = reader.tag();
    if (tag === 8 + wireTypes.varint) value = reader.unsigned() !== 0;
    else if (tag === 16 + wireTypes.varint) value = reader.signed();
    else if (tag === field(3)) value = reader.text();
    else if (tag === 32 + wireTypes.fixed64) value = reader.double();
    else if (tag === 40 + wireTypes.varint) value = reader.unsigned();
    else reader.skip(tag & 7);
  }
  return value;
}

function wholeParameter(parameters: Parameters, name: string): number {
  const value = parameters[name];
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(`parameters.${name}`, `is ${quoted(value)}; a whole number of at least 0 is wanted`);
}

function refuseSharedMemory(parameters: Parameters, where: string): void {
  if (parameters.shared_memory_region !== undefined)
    throw malformed(`${where}.parameters.shared_memory_region`, 'is set; shared memory is not served');
}
