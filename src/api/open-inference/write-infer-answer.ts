import type { Tensor } from '../../engine/tensor.ts';
import { dataToBytes } from './binary-tensor.ts';
import type { AnswerHead, InferCall } from './infer-call.ts';
import { dataToJson } from './json-tensor.ts';
import { bufferOver, type WrittenData } from './written-data.ts';

/** An answer ready to be sent: its bytes, and where the JSON ends if binary data follows it. */
export type EncodedAnswer = {
  /**
   * One byte a character where it is small: Node writes that and the headers as one string with one
   * system call. In pieces otherwise.
   */
  readonly bytes: string | readonly Buffer[];
  readonly size: number;
  readonly jsonBytes: number | undefined;
  /** Server-sent events. */
  readonly isEvents?: true;
};

const textBytesMax = 16 * 1024;

/**
 * Tensors to the protocol's answer. Binary data of a large one is not copied: the pieces are views
 * of the outputs. `written` has the JSON of outputs that were written elsewhere, by their places.
 */
export function writeInferAnswer(
  model: { readonly name: string; readonly version: string },
  call: Pick<InferCall, 'id' | 'binary' | 'lastHead'>,
  outputs: readonly Tensor[],
  written?: ReadonlyMap<number, WrittenData>,
): EncodedAnswer {
  const { lastHead } = call;
  if (lastHead?.model === model && fits(lastHead, outputs)) return withText(lastHead.text, outputs);
  let json = `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`;
  if (call.id !== undefined) json += `,"id":${JSON.stringify(call.id)}`;
  json += ',"outputs":[';
  const heads: Buffer[] = [];
  const binary: Buffer[] = [];
  let size = 0;
  let numbersAreAllBinary = true;
  for (let index = 0; index < outputs.length; index += 1) {
    const output = outputs[index]!;
    if (index > 0) json += ',';
    json += `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join()}]`;
    if (isInBinary(call, output)) {
      const bytes = dataToBytes(output);
      binary.push(bytes);
      size += bytes.length;
      numbersAreAllBinary &&= output.datatype !== 'BYTES';
      json += `,"parameters":{"binary_data_size":${bytes.length}}}`;
    } else {
      numbersAreAllBinary = false;
      const pieces = written?.get(index);
      const data = pieces ? { json: '', nonFinite: pieces.nonFinite } : dataToJson(output);
      if (data.nonFinite > 0) json += `,"parameters":{"non_finite":${data.nonFinite}}`;
      json += `,"data":${data.json}`;
      if (pieces) {
        heads.push(Buffer.from(json), ...pieces.pieces.map(bufferOver));
        json = '';
      }
      json += '}';
    }
  }
  const head = Buffer.from(`${json}]}`);
  heads.push(head);
  let headBytes = 0;
  for (const { length } of heads) headBytes += length;
  size += headBytes;
  const jsonBytes = binary.length > 0 ? headBytes : undefined;
  if (size > textBytesMax || heads.length > 1) return { bytes: [...heads, ...binary], size, jsonBytes };
  if (lastHead && numbersAreAllBinary && binary.length > 0) remember(lastHead, model, outputs, head);
  return { bytes: Buffer.concat([head, ...binary], size).toString('latin1'), size, jsonBytes };
}

export function isInBinary({ binary }: Pick<InferCall, 'binary'>, { name }: Tensor): boolean {
  return binary.byName?.get(name) ?? binary.byDefault;
}

function fits(head: AnswerHead, outputs: readonly Tensor[]): boolean {
  if (outputs.length !== head.sizes.length) return false;
  for (let index = 0; index < outputs.length; index += 1) {
    const { shape, data } = outputs[index]!;
    const known = head.shapes[index]!;
    if (!ArrayBuffer.isView(data) || data.byteLength !== head.sizes[index] || shape.length !== known.length)
      return false;
    for (let axis = 0; axis < shape.length; axis += 1) if (shape[axis] !== known[axis]) return false;
  }
  return true;
}

function remember(lastHead: AnswerHead, model: object, outputs: readonly Tensor[], head: Buffer): void {
  lastHead.model = model;
  lastHead.shapes = outputs.map(({ shape }) => shape);
  lastHead.sizes = outputs.map(({ data }) => (data as Uint8Array).byteLength);
  lastHead.text = head.toString('latin1');
}

function withText(head: string, outputs: readonly Tensor[]): EncodedAnswer {
  let bytes = head;
  for (let index = 0; index < outputs.length; index += 1) {
    const data = outputs[index]!.data as Uint8Array;
    bytes += wholeBuffer(data.buffer as ArrayBuffer).toString(
      'latin1',
      data.byteOffset,
      data.byteOffset + data.byteLength,
    );
  }
  return { bytes, size: bytes.length, jsonBytes: head.length };
}

let lastWhole = Buffer.alloc(0);

/** The answers of a batch lie in one buffer, one after the other: it is wrapped once. */
function wholeBuffer(buffer: ArrayBuffer): Buffer {
  if (lastWhole.buffer !== buffer) lastWhole = Buffer.from(buffer);
  return lastWhole;
}
