import { isMarkedAsUntransferable } from 'node:worker_threads';
import { arrayOver, dataTypes, elementsOf, isStrings, type Tensor, type TypedArray } from '../tensor.ts';
import type { Waiting } from './waiting-inputs.ts';

export type AssembledBatch = {
  readonly inputs: readonly Tensor[];
  /** What every request wants, or more; undefined: all outputs. */
  readonly outputs: readonly string[] | undefined;
  /** Buffers that go to the lane and are gone here. */
  readonly transfer: readonly ArrayBuffer[];
};

/**
 * The inputs of several requests as one, in buffers of its own. Who copies what it is sent, or runs
 * it where it is, needs no copy of a single request.
 */
export function assembleBatch(
  entries: readonly Waiting[],
  rows: number,
  lane: 'thread' | 'process' | 'event-loop',
): AssembledBatch {
  const first = entries[0]!;
  const outputs = outputsOf(entries);
  if (entries.length === 1 && lane !== 'thread') return { inputs: first.inputs, outputs, transfer: [] };
  const transfer = new Set<ArrayBuffer>();
  const inputs = first.inputs.map((tensor, index) => {
    const given = entries.length === 1 && first.mayTakeBuffers ? bufferOf(tensor) : undefined;
    if (!given) return joinOne(entries, index, rows, transfer);
    transfer.add(given);
    return tensor;
  });
  return { inputs, outputs, transfer: [...transfer] };
}

/**
 * What of the batch's outputs is one request's: views, not copies. Undefined when an output does
 * not have the batch's rows.
 */
export function rowsOf(
  outputs: readonly Tensor[],
  entry: Pick<Waiting, 'rows' | 'outputs'>,
  firstRow: number,
  rowsOfBatch: number,
): readonly Tensor[] | undefined {
  const own: Tensor[] = [];
  for (const tensor of outputs) {
    if (entry.outputs && !entry.outputs.includes(tensor.name)) continue;
    const { name, datatype, shape, data } = tensor;
    if (shape[0] !== rowsOfBatch) return undefined;
    const rowLength = data.length / rowsOfBatch;
    const from = firstRow * rowLength;
    const to = from + entry.rows * rowLength;
    const part = isStrings(data) ? data.slice(from, to) : data.subarray(from, to);
    own.push({ name, datatype, shape: [entry.rows, ...shape.slice(1)], data: part });
  }
  return inOrderOf(entry.outputs, own);
}

export function inOrderOf(wanted: readonly string[] | undefined, outputs: readonly Tensor[]): readonly Tensor[] {
  if (!wanted || wanted.every((name, index) => outputs[index]?.name === name)) return outputs;
  return wanted.flatMap((name) => outputs.find((output) => output.name === name) ?? []);
}

function outputsOf(entries: readonly Waiting[]): readonly string[] | undefined {
  if (entries.some(({ outputs }) => outputs === undefined || outputs.length === 0)) return undefined;
  if (entries.length === 1) return entries[0]?.outputs;
  return [...new Set(entries.flatMap(({ outputs }) => outputs ?? []))];
}

/**
 * The buffer under a tensor, if it can change hands: not for strings, nor for the pool that Node
 * cuts small buffers from.
 */
function bufferOf({ data }: Tensor): ArrayBuffer | undefined {
  if (isStrings(data) || !(data.buffer instanceof ArrayBuffer)) return undefined;
  return isMarkedAsUntransferable(data.buffer) ? undefined : data.buffer;
}

function joinOne(entries: readonly Waiting[], index: number, rows: number, transfer: Set<ArrayBuffer>): Tensor {
  const { name, datatype, shape: one } = entries[0]!.inputs[index]!;
  const shape = entries.length === 1 ? one : [rows, ...one.slice(1)];
  if (datatype === 'BYTES') {
    const data = entries.flatMap(({ inputs }) => inputs[index]!.data as string[]);
    return { name, datatype, shape, data };
  }
  const length = elementsOf(shape);
  const buffer = new ArrayBuffer(length * dataTypes[datatype].bytes);
  const data = arrayOver(datatype, buffer, 0, length);
  let at = 0;
  for (const { inputs } of entries) {
    const part = inputs[index]!.data as TypedArray;
    // One datatype, so one kind of array: the union's `set` cannot be called otherwise.
    (data as Float32Array).set(part as Float32Array, at);
    at += part.length;
  }
  transfer.add(buffer);
  return { name, datatype, shape, data };
}
