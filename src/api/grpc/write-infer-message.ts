import { bytesOfAll, isStrings, type Tensor } from '../../engine/tensor.ts';
import type { Packing } from '../../http/inflate-body.ts';
import { varintBytes, WireWriter, wireTypes } from '../../wire-writer.ts';
import { dataToBytes } from '../open-inference/binary-tensor.ts';
import type { InferCall } from '../open-inference/infer-call.ts';
import { contentsOf } from './read-infer-message.ts';

/** A message with its prefix, in pieces; a large tensor's piece is a view of the output. */
export type WrittenMessage = {
  readonly pieces: readonly Buffer[];
  readonly size: number;
  /** How it is packed, if it is. */
  readonly packing?: Packing;
};

/** Before each message stand whether it is packed, and its length. */
export const prefixBytes = 5;

/** Up to this the pieces are copied into one: a write costs more than the copy. */
const joinedBytesMax = 16 * 1024;

/** The outputs as a ModelInferResponse. */
export function writeInferMessage(
  model: { readonly name: string; readonly version: string },
  call: Pick<InferCall, 'id' | 'binary'>,
  outputs: readonly Tensor[],
  typedBytesMax: number,
): WrittenMessage {
  const raw = isRaw(call, outputs, typedBytesMax);
  const writer = beginMessage();
  writeHead(writer, model, call, outputs, !raw);
  return raw ? withRaw(writer, outputs) : finished(writer, [], 0);
}

/**
 * The same as the part of a stream. `problem` is there instead of outputs where the request failed.
 */
export function writeStreamMessage(
  model: { readonly name: string; readonly version: string } | undefined,
  call: Pick<InferCall, 'id' | 'binary'>,
  answer: { readonly outputs: readonly Tensor[] } | { readonly problem: string },
  typedBytesMax: number,
): WrittenMessage {
  const inner = new WireWriter();
  const outputs = 'outputs' in answer ? answer.outputs : [];
  const raw = isRaw(call, outputs, typedBytesMax);
  writeHead(inner, model, call, outputs, !raw);
  if ('outputs' in answer) writeFinal(inner);
  const tensors = raw ? outputs.map(dataToBytes) : [];
  let size = inner.size;
  for (const { length } of tensors) size += 1 + varintBytes(length) + length;
  const writer = beginMessage();
  if ('problem' in answer) writer.text(1, answer.problem);
  writer.partHead(2, size);
  writer.raw(inner.bytes);
  return withRaw(writer, outputs, tensors);
}

function beginMessage(): WireWriter {
  const writer = new WireWriter();
  writer.raw(noPrefix);
  return writer;
}

const noPrefix = Buffer.alloc(prefixBytes);

/** FP16 has no other form, and to write many numbers would hold up the others. */
function isRaw({ binary }: Pick<InferCall, 'binary'>, outputs: readonly Tensor[], typedBytesMax: number): boolean {
  if (binary.byDefault || outputs.some(({ datatype }) => contentsOf[datatype] === undefined)) return true;
  return bytesOfAll(outputs) > typedBytesMax;
}

function writeHead(
  writer: WireWriter,
  model: { readonly name: string; readonly version: string } | undefined,
  { id }: Pick<InferCall, 'id'>,
  outputs: readonly Tensor[],
  typed: boolean,
): void {
  if (model) {
    writer.text(1, model.name);
    writer.text(2, model.version);
  }
  if (id) writer.text(3, id);
  for (const output of outputs) {
    writer.message(5, () => {
      writer.text(1, output.name);
      writer.text(2, output.datatype);
      writeShape(writer, output.shape);
      if (typed) writeContents(writer, output);
    });
  }
}

/** Triton's word that nothing more comes of this request. */
function writeFinal(writer: WireWriter): void {
  writer.message(4, () => {
    writer.text(1, 'triton_final_response');
    writer.message(2, () => {
      writer.tag(1, wireTypes.varint);
      writer.unsigned(1);
    });
  });
}

function writeShape(writer: WireWriter, shape: readonly number[]): void {
  if (shape.length === 0) return;
  let size = 0;
  for (const each of shape) size += varintBytes(each);
  writer.partHead(3, size);
  for (const each of shape) writer.unsigned(each);
}

function writeContents(writer: WireWriter, { datatype, data }: Tensor): void {
  const { number } = contentsOf[datatype]!;
  if (data.length === 0) return;
  writer.message(5, () => {
    if (isStrings(data)) for (const text of data) writer.text(number, text);
    else if (datatype === 'FP32' || datatype === 'FP64')
      writer.part(number, Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    else writer.message(number, () => writeWhole(writer, data));
  });
}

function writeWhole(writer: WireWriter, data: Exclude<Tensor['data'], string[]>): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (const value of data) writer.halves(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    return;
  }
  for (const value of data) writer.signed(value);
}

function withRaw(
  writer: WireWriter,
  outputs: readonly Tensor[],
  tensors: readonly Buffer[] = outputs.map(dataToBytes),
): WrittenMessage {
  let bytes = 0;
  for (const { length } of tensors) bytes += 1 + varintBytes(length) + length;
  if (writer.size + bytes <= joinedBytesMax) {
    for (const tensor of tensors) writer.part(6, tensor);
    return finished(writer, [], 0);
  }
  const pieces: Buffer[] = [];
  for (const tensor of tensors) {
    const head = new WireWriter(16);
    head.partHead(6, tensor.length);
    pieces.push(head.bytes, tensor);
  }
  return finished(writer, pieces, bytes);
}

function finished(writer: WireWriter, pieces: readonly Buffer[], bytes: number): WrittenMessage {
  const head = writer.bytes;
  const size = head.length + bytes;
  head[0] = 0;
  head.writeUInt32BE(size - prefixBytes, 1);
  return { pieces: [head, ...pieces], size };
}
