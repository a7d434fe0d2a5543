/// <reference lib="esnext.float16" />
import { bytesOf, type DataType, dataTypes, type Tensor } from '../../engine/tensor.ts';
import { arrayAt } from '../../http/json/json-fields.ts';
import { malformed, quoted, shortened } from '../../http/json/malformed.ts';
import type { WrittenData } from './written-data.ts';
import { fillAsWritten } from './written-data.ts';

type TensorData = Tensor['data'];
type Typed = Exclude<TensorData, string[]>;

/**
 * Data written in JSON to a tensor's. It is flat, or nested exactly as the shape says. Every value
 * must be one that the datatype can hold: nothing is rounded to a whole number, wrapped around or
 * turned into infinity on the way in. `written` answers the JSON of `data`, for the digits that the
 * parser rounds.
 */
export function dataFromJson(
  datatype: DataType,
  shape: readonly number[],
  count: number,
  data: unknown,
  where: string,
  written: () => Buffer,
): TensorData {
  const values = arrayAt(data, where);
  const nested = shape.length > 0 && Array.isArray(values[0]);
  // Before anything is allocated: a shape may say any number, the values are what was really sent.
  if (nested) checkNesting(values, shape, 0, where);
  else if (values.length !== count)
    throw malformed(where, `has ${values.length} values; the shape ${quoted(shape)} has ${count}`);

  if (datatype === 'BYTES') {
    const texts: string[] = [];
    fill(values, nested ? shape.length - 1 : 0, where, texts, 0, fillTexts, datatype);
    return texts;
  }
  const typed = new dataTypes[datatype].array(count) as Typed;
  if ((typed instanceof BigInt64Array || typed instanceof BigUint64Array) && holdsRounded(values, shape.length)) {
    const bad = fillAsWritten(written(), typed);
    if (bad)
      throw malformed(
        `${where}${placeOf(bad.index, nested ? shape : [count])}`,
        `is ${shortened(bad.written)}; ${wanted[datatype]}`,
      );
    return typed;
  }
  // Bits of half floats are written by the runtime's own conversion.
  const target = datatype === 'FP16' ? new Float16Array(typed.buffer as ArrayBuffer) : typed;
  fill(values, nested ? shape.length - 1 : 0, where, target, 0, fillers[datatype], datatype);
  return typed;
}

/** Whether the parser has rounded a whole number among the values. */
function holdsRounded(values: readonly unknown[], depth: number): boolean {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (
      typeof value === 'number'
        ? Number.isInteger(value) && !Number.isSafeInteger(value)
        : depth > 1 && Array.isArray(value) && holdsRounded(value, depth - 1)
    )
      return true;
  }
  return false;
}

/** `[1][3]` for the element that is so many from the first. */
function placeOf(index: number, shape: readonly number[]): string {
  let rest = index;
  let place = '';
  for (const size of shape.toReversed()) {
    place = `[${rest % size}]${place}`;
    rest = Math.floor(rest / size);
  }
  return place;
}

const pieceElements = 16_384;

/** The same in pieces, for data whose text should not be in one. */
export function dataToJsonPieces(tensor: Pick<Tensor, 'datatype' | 'data'>): WrittenData {
  const { datatype, data } = tensor;
  const pieces: Buffer[] = [];
  let nonFinite = 0;
  for (let from = 0; from < data.length; from += pieceElements) {
    const to = Math.min(data.length, from + pieceElements);
    const part = dataToJson({ datatype, data: Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to) });
    nonFinite += part.nonFinite;
    const text = Buffer.from(part.json);
    // Of the brackets only the first and the last of all stay; between two pieces stands a comma.
    if (from > 0) text[0] = 0x2c;
    pieces.push(to < data.length ? text.subarray(0, -1) : text);
  }
  return { pieces: pieces.length > 0 ? pieces : [Buffer.from('[]')], nonFinite };
}

/** The most bytes that the data can take as JSON. */
export function jsonBytesMaxOf({ datatype, data }: Pick<Tensor, 'datatype' | 'data'>): number {
  return datatype === 'BYTES' ? bytesOf({ data }) + 3 * data.length : charactersMax[datatype] * data.length;
}

/** A number and the comma behind it. */
const charactersMax: Readonly<Record<Exclude<DataType, 'BYTES'>, number>> = {
  BOOL: 6,
  UINT8: 4,
  UINT16: 6,
  UINT32: 11,
  UINT64: 21,
  INT8: 5,
  INT16: 7,
  INT32: 12,
  INT64: 21,
  FP16: 24,
  FP32: 25,
  FP64: 25,
};

/**
 * A tensor's data as JSON text. JSON has no NaN and no infinities: they become null and are
 * counted.
 */
export function dataToJson(tensor: Pick<Tensor, 'datatype' | 'data'>): { json: string; nonFinite: number } {
  const { datatype, data } = tensor;
  if (datatype === 'BYTES') return { json: JSON.stringify(data), nonFinite: 0 };
  if (datatype === 'BOOL') return { json: `[${Array.from(data as Uint8Array, Boolean).join()}]`, nonFinite: 0 };
  const typed = data as Exclude<Typed, BigInt64Array | BigUint64Array>;
  if (datatype !== 'FP16' && datatype !== 'FP32' && datatype !== 'FP64')
    return { json: `[${typed.join()}]`, nonFinite: 0 };

  const floats =
    datatype === 'FP16' ? new Float16Array(typed.buffer as ArrayBuffer, typed.byteOffset, typed.length) : typed;
  let nonFinite = 0;
  for (let at = 0; at < floats.length; at += 1) if (!Number.isFinite(floats[at])) nonFinite += 1;
  if (nonFinite === 0) return { json: `[${floats.join()}]`, nonFinite };
  return { json: JSON.stringify(Array.from(floats as ArrayLike<number>)), nonFinite };
}

type Target = { [index: number]: number | bigint | string };

/**
 * Puts values into the target from an offset on; answers the index of the first that does not
 * belong there, or -1.
 */
type Fill = (values: readonly unknown[], target: Target, offset: number) => number;

function fill(
  values: readonly unknown[],
  depth: number,
  where: string,
  target: Target,
  offset: number,
  fillRow: Fill,
  datatype: DataType,
): number {
  if (depth > 0) {
    let at = offset;
    for (let index = 0; index < values.length; index += 1)
      at = fill(values[index] as readonly unknown[], depth - 1, `${where}[${index}]`, target, at, fillRow, datatype);
    return at;
  }
  const bad = fillRow(values, target, offset);
  if (bad >= 0) throw malformed(`${where}[${bad}]`, `is ${quoted(values[bad])}; ${wanted[datatype]}`);
  return offset + values.length;
}

function checkNesting(values: readonly unknown[], shape: readonly number[], axis: number, where: string): void {
  if (values.length !== shape[axis])
    throw malformed(where, `has ${values.length} entries; the shape ${quoted(shape)} says ${shape[axis]} there`);
  if (axis === shape.length - 1) return;
  for (let index = 0; index < values.length; index += 1)
    checkNesting(arrayAt(values[index], `${where}[${index}]`), shape, axis + 1, `${where}[${index}]`);
}

const fillFloats: Fill = (values, target, offset) => {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value !== 'number') return index;
    target[offset + index] = value;
    // Asked of what was stored: 1e39 is finite, but not as an FP32.
    if (!Number.isFinite(target[offset + index] as number)) return index;
  }
  return -1;
};

function fillWhole(min: number, max: number): Fill {
  return (values, target, offset) => {
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) return index;
      target[offset + index] = value;
    }
    return -1;
  };
}

function fillBig(min: bigint, max: bigint): Fill {
  return (values, target, offset) => {
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return index;
      const exact = BigInt(value);
      if (exact < min || exact > max) return index;
      target[offset + index] = exact;
    }
    return -1;
  };
}

const fillFlags: Fill = (values, target, offset) => {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value !== true && value !== false && value !== 0 && value !== 1) return index;
    target[offset + index] = value ? 1 : 0;
  }
  return -1;
};

const fillTexts: Fill = (values, target, offset) => {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    // Half of a surrogate pair can be written in JSON, but not in UTF-8.
    if (typeof value !== 'string' || !value.isWellFormed()) return index;
    target[offset + index] = value;
  }
  return -1;
};

const fillers: Readonly<Record<Exclude<DataType, 'BYTES'>, Fill>> = {
  BOOL: fillFlags,
  UINT8: fillWhole(0, 0xff),
  UINT16: fillWhole(0, 0xffff),
  UINT32: fillWhole(0, 0xffff_ffff),
  UINT64: fillBig(0n, 2n ** 64n - 1n),
  INT8: fillWhole(-0x80, 0x7f),
  INT16: fillWhole(-0x8000, 0x7fff),
  INT32: fillWhole(-0x8000_0000, 0x7fff_ffff),
  INT64: fillBig(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: fillFloats,
  FP32: fillFloats,
  FP64: fillFloats,
};

const wantedFloat =
  'a number that the datatype can hold is wanted (NaN and infinities travel as binary tensor data only)';
const wanted: Readonly<Record<DataType, string>> = {
  BOOL: 'true, false, 0 or 1 is wanted',
  UINT8: 'a whole number from 0 to 255 is wanted',
  UINT16: 'a whole number from 0 to 65535 is wanted',
  UINT32: 'a whole number from 0 to 4294967295 is wanted',
  UINT64: 'a whole number from 0 to 18446744073709551615 is wanted',
  INT8: 'a whole number from -128 to 127 is wanted',
  INT16: 'a whole number from -32768 to 32767 is wanted',
  INT32: 'a whole number from -2147483648 to 2147483647 is wanted',
  INT64: 'a whole number from -9223372036854775808 to 9223372036854775807 is wanted',
  FP16: wantedFloat,
  FP32: wantedFloat,
  FP64: wantedFloat,
  BYTES: 'text is wanted',
};
