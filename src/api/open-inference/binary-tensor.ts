import { isUtf8 } from 'node:buffer';
import { type DataType, dataTypes, type Tensor } from '../../engine/tensor.ts';
import { malformed } from '../../http/json/malformed.ts';

type TensorData = Tensor['data'];

/**
 * Raw bytes (little-endian, as every machine is that Node 24 runs on here) to a tensor's data: a
 * view where they are aligned for their type, a copy where they are not. `readBody` places the
 * first tensor of a body so that it is.
 */
export function dataFromBytes(
  datatype: DataType,
  count: number,
  body: Buffer,
  from: number,
  size: number,
  where: string,
): TensorData {
  if (datatype === 'BYTES') return textsFromBytes(count, body.subarray(from, from + size), where);
  const { bytes: elementBytes, array: TypedArray } = dataTypes[datatype];
  if (size !== count * elementBytes)
    throw malformed(
      where,
      `has ${size} bytes of data; its shape and datatype ${datatype} take ${count * elementBytes}`,
    );
  if (datatype === 'BOOL') checkFlags(body.subarray(from, from + size), where);
  const offset = body.byteOffset + from;
  if (offset % elementBytes === 0) return new TypedArray(body.buffer as ArrayBuffer, offset, count);
  // Small ones are cut from Node's pool: memory of their own would cost more than the copy.
  const copy = Buffer.allocUnsafe(size);
  body.copy(copy, 0, from, from + size);
  return new TypedArray(copy.buffer, copy.byteOffset, count);
}

/** A tensor's data as raw bytes: a view, or a copy for BYTES. */
export function dataToBytes(tensor: Tensor): Buffer {
  const { data } = tensor;
  if (!Array.isArray(data)) return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  let size = 0;
  for (const text of data) size += lengthBytes + Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const text of data) {
    const length = bytes.write(text, at + lengthBytes);
    bytes.writeUInt32LE(length, at);
    at += lengthBytes + length;
  }
  return bytes;
}

/** An element of BYTES is its length as a UINT32, then as many bytes. */
const lengthBytes = 4;

function textsFromBytes(count: number, bytes: Buffer, where: string): string[] {
  // The count is the shape's, which may say anything; the bytes are what was really sent.
  if (count * lengthBytes > bytes.length)
    throw malformed(where, `has ${bytes.length} bytes of data: too few for the ${count} elements of its shape`);
  const texts: string[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const start = at + lengthBytes;
    const end = start <= bytes.length ? start + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length)
      throw malformed(
        `${where}: element ${index}`,
        `ends beyond the ${bytes.length} bytes of the tensor’s data (it begins at byte ${at})`,
      );
    const element = bytes.subarray(start, end);
    if (!isUtf8(element))
      throw malformed(`${where}: element ${index}`, 'is not UTF-8, and ONNX Runtime’s binding carries no other bytes');
    texts.push(element.toString());
    at = end;
  }
  if (at !== bytes.length)
    throw malformed(
      where,
      `has ${bytes.length} bytes of data; the ${count} elements of its shape end after ${at} bytes`,
    );
  return texts;
}

function checkFlags(bytes: Buffer, where: string): void {
  if (areFlags(bytes)) return;
  const at = bytes.findIndex((byte) => byte > 1);
  throw malformed(`${where}: byte ${at}`, `is ${bytes[at]}; a BOOL is 0 or 1`);
}

/** Four at a time where they lie so: a body may be made of millions. */
function areFlags(bytes: Buffer): boolean {
  const head = Math.min(bytes.length, (4 - (bytes.byteOffset % 4)) % 4);
  const count = Math.floor((bytes.length - head) / 4);
  const words = count > 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset + head, count) : new Uint32Array();
  let seen = 0;
  for (let at = 0; at < words.length; at += 1) seen |= words[at]!;
  for (let at = 0; at < head; at += 1) seen |= bytes[at]!;
  for (let at = head + 4 * words.length; at < bytes.length; at += 1) seen |= bytes[at]!;
  return (seen & 0xfefefefe) === 0;
}
